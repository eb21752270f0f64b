/* Attaching BPF programs, and what the kernel counts of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "decl/btf.h"

enum zc_attach_point { ZC_ATTACH_TRACEPOINT, ZC_ATTACH_ENTRY, ZC_ATTACH_RETURN };

/* The type of what a program is attached to, or -ENOENT. */
int zc_btf_target_id(const struct zc_btf *btf, enum zc_attach_point point, const char *target);
/* The descriptor that keeps a program attached to a tracepoint or function until it is closed, or a negative errno. With
 * a NULL `btf` the kernel's is read anew. */
int zc_attach_by_btf(const struct zc_btf *btf, const char *name, const void *instructions, size_t instruction_bytes,
		     enum zc_attach_point point, const char *target);
/* Whether a program can be attached to a function's entry: 0 or a negative errno. */
int zc_try_function(const struct zc_btf *btf, const char *target);
/* The kernel times every BPF program until this descriptor is closed; negative errno. */
int zc_time_programs(void);
struct zc_program_statistics {
	uint64_t run_count;	/* while the kernel timed programs */
	uint64_t run_ns;
	uint64_t missed_count;	/* not run, because it or another one was running on that CPU */
};

/* Of the program behind a program's or a link's descriptor; 0 or a negative errno. */
int zc_program_statistics(int fd, bool is_link, struct zc_program_statistics *statistics);
