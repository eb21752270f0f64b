// SPDX-License-Identifier: GPL-2.0-only
/* Attaches a compiled program where BTF tells the verifier the types of its arguments.
 *
 * A program on such a tracepoint (libbpf's tp_btf) reads members by plain loads, which the verifier checks, instead of one
 * helper call each: that takes half the time per event. It needs no trampoline, so it works where fentry is refused. BCC can
 * compile such programs but not attach them, and its fentry finds programs by the name of a section only.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <unistd.h>

#include "decl/attach.h"

static enum bpf_attach_type type_of(enum zc_attach_point point)
{
	switch (point) {
	case ZC_ATTACH_ENTRY:
		return BPF_TRACE_FENTRY;
	case ZC_ATTACH_RETURN:
		return BPF_TRACE_FEXIT;
	default:
		return BPF_TRACE_RAW_TP;
	}
}

int zc_attach_by_btf(const struct zc_btf *btf, const char *name, const void *instructions, size_t instruction_bytes,
		     enum zc_attach_point point, const char *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type_of(point));
	int btf_id, program, link;

	btf_id = btf ? zc_btf_target_id(btf, point, target) : libbpf_find_vmlinux_btf_id(target, type_of(point));
	if (btf_id < 0)
		return btf_id;
	options.attach_btf_id = btf_id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, name, "GPL", instructions,
				instruction_bytes / sizeof(struct bpf_insn), &options);
	if (program < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		link = -errno;
	close(program); /* the link keeps the program */
	return link;
}

int zc_try_function(const struct zc_btf *btf, const char *target)
{
	const struct bpf_insn nothing[] = {
		/* return 0 */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	libbpf_print_fn_t print = libbpf_set_print(NULL); /* a refusal is one of the two answers: print nothing */
	int link = zc_attach_by_btf(btf, "on_trial", nothing, sizeof(nothing), ZC_ATTACH_ENTRY, target);

	libbpf_set_print(print);
	if (link < 0)
		return link;
	close(link);
	return 0;
}

int zc_time_programs(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? -errno : fd;
}

static int program_of_link(int link)
{
	struct bpf_link_info info = {};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &length))
		return -errno;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

int zc_program_statistics(int fd, bool is_link, struct zc_program_statistics *statistics)
{
	struct bpf_prog_info info = {};
	uint32_t length = sizeof(info);
	int program = is_link ? program_of_link(fd) : fd, status;

	if (program < 0)
		return program;
	status = bpf_obj_get_info_by_fd(program, &info, &length) ? -errno : 0;
	if (is_link)
		close(program);
	*statistics = (struct zc_program_statistics){
		.run_count = info.run_cnt,
		.run_ns = info.run_time_ns,
		.missed_count = info.recursion_misses,
	};
	return status;
}
