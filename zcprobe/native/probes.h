#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the probes need of the C core, by libbpf: kernel facts from BTF, attaching, and the ring buffer. Read by the C
 * compiler and by cffi, like sender.h. */

struct zc_btf;
struct zc_btf *zc_btf_open(void);	/* the running kernel's BTF, or NULL with errno */
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

struct zc_drain;
/* A thread that moves fixed-size events from a BPF ring buffer to out_fd every interval, up to limit_bytes of them. */
struct zc_drain *zc_drain_start(int map_fd, int out_fd, uint32_t event_bytes, int64_t interval_ns, uint64_t limit_bytes);
/* event_count: all that came; kept_count: those in the file. */
int zc_drain_stop(struct zc_drain *drain, uint64_t *event_count, uint64_t *kept_count);
