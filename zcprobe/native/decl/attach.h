/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching BPF programs, and what the kernel counts about them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "decl/btf.h"

enum zc_attach_point { ZC_ATTACH_TRACEPOINT, ZC_ATTACH_ENTRY, ZC_ATTACH_RETURN };

/* The BTF id of what a program is to be attached to, or -ENOENT. */
int zc_btf_target_id(const struct zc_btf *btf, enum zc_attach_point point, const char *target);
/* Attaches a program to a tracepoint or function. Returns the descriptor that keeps it attached until it is closed, or a
 * negative errno. If `btf` is NULL, the kernel's is read anew. */
int zc_attach_by_btf(const struct zc_btf *btf, const char *name, const void *instructions, size_t instruction_bytes,
		     enum zc_attach_point point, const char *target);
/* Tries to attach a program to a function's entry. 0 if that works, or a negative errno. */
int zc_try_function(const struct zc_btf *btf, const char *target);
/* Returns a descriptor; until it is closed the kernel times every BPF program. Or a negative errno. */
int zc_time_programs(void);
struct zc_program_statistics {
	uint64_t run_count; /* while the kernel timed programs */
	uint64_t run_ns;
	uint64_t missed_count; /* skipped, because it or another program was running on that CPU */
};

/* Reads what the kernel counted about the program behind a program's or a link's descriptor. 0 or a negative errno. */
int zc_program_statistics(int fd, bool is_link, struct zc_program_statistics *statistics);
