// SPDX-License-Identifier: GPL-2.0-only
/* BPF iterators over the descriptors of one process. BCC can compile such programs, but restricts them to no process. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#include "decl/attach.h"
#include "decl/iterator.h"

/* The member `task` of the kernel's union bpf_iter_link_info, which headers have since Linux 6.1. */
struct process_filter {
	uint32_t tid;
	uint32_t pid;
	uint32_t pid_fd;
};

int zc_iterator_load(const struct zc_btf *btf, const char *name, const void *instructions, size_t instruction_bytes,
		     const char *target)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_ITER);
	char function[64];
	int btf_id, program;

	snprintf(function, sizeof(function), "bpf_iter_%s", target);
	btf_id = zc_btf_target_id(btf, ZC_ATTACH_ENTRY, function);
	if (btf_id < 0)
		return btf_id;
	options.attach_btf_id = btf_id;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, name, "GPL", instructions,
				instruction_bytes / sizeof(struct bpf_insn), &options);
	return program < 0 ? -errno : program;
}

int zc_iterator_link(int program, int pidfd)
{
	struct process_filter filter = { .pid_fd = pidfd };
	LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = (union bpf_iter_link_info *)&filter,
		    .iter_info_len = sizeof(filter));
	int link = bpf_link_create(program, 0, BPF_TRACE_ITER, &options);

	return link < 0 ? -errno : link;
}

int zc_iterator_open(int link)
{
	int fd = bpf_iter_create(link);

	return fd < 0 ? -errno : fd;
}
