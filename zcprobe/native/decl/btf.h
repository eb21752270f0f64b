/* SPDX-License-Identifier: GPL-2.0-only */
/* Layouts and constants of the running kernel, from its BTF. */
#pragma once
#include <stdint.h>

struct zc_btf;
struct zc_btf *zc_btf_open(void); /* the running kernel's BTF, or NULL with errno */
void zc_btf_close(struct zc_btf *btf);
/* Byte offset of a dotted member path, through anonymous members; -ENOENT when there is none. */
int64_t zc_btf_offset(const struct zc_btf *btf, const char *structure, const char *path);
int64_t zc_btf_size(const struct zc_btf *btf, const char *structure);
/* Number of arguments of the raw tracepoint NAME (btf_trace_NAME's prototype), or -ENOENT. */
int zc_btf_tracepoint_args(const struct zc_btf *btf, const char *name);

/* Number of arguments of a kernel function, or -ENOENT when it has no BTF of its own: inlined, cloned or absent. */
int zc_btf_function_args(const struct zc_btf *btf, const char *name);
/* Value of a constant of `enum <enumeration>`, or -ENOENT. */
int64_t zc_btf_enum_value(const struct zc_btf *btf, const char *enumeration, const char *name);
