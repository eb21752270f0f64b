/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF iterators over the descriptors of one process: a program that the kernel runs for each, when somebody reads. */
#pragma once
#include <stddef.h>
#include "decl/btf.h"

/* Loads a program for iterators of that target (`task_file`). Returns the program's descriptor or a negative errno. */
int zc_iterator_load(const struct zc_btf *btf, const char *name, const void *instructions, size_t instruction_bytes,
		     const char *target);
/* Restricts the program to one process, whatever its pid namespace. Returns the link's descriptor or a negative errno. */
int zc_iterator_link(int program, int pidfd);
/* Begins one iteration. Returns a descriptor whose content is what the program writes, or a negative errno. */
int zc_iterator_open(int link);
