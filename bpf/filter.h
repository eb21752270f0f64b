/* SPDX-License-Identifier: GPL-2.0-only */
/* filter: whose sockets are counted, and in how much detail. */
#pragma once

#include "kernel_reads.h"

enum detail { DETAIL_OFF, DETAIL_SUMMARY, DETAIL_TIMELINE, DETAIL_FULL };

struct target {
	u32 netns_inode; /* 0: no socket is ours */
	u32 by_cookie; /* only sockets of the namespace that are in target_cookies */
	u32 tgid; /* of these only those on which this process sends; 0: any process */
	u32 detail; /* enum detail */
};

BPF_ARRAY(target, struct target, 1);
BPF_HASH(target_cookies, u64, u8, 256);

static __always_inline u32 detail_in_force(void)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);

	return wanted ? wanted->detail : DETAIL_OFF;
}

/* For a socket without state. The run's sockets are all those of its own network namespace; in a namespace that the run
 * shares, they are those that it named. */
static __always_inline bool is_new_and_ours(u64 sk)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);
	u64 net, cookie;

	if (!wanted || !wanted->netns_inode || !sk)
		return false;
	net = read_u64(sk + OFFSET_sock___sk_common_skc_net);
	if (!net || read_u32(net + OFFSET_net_ns_inum) != wanted->netns_inode)
		return false;
	/* A completion runs in any context. A socket of the wanted process shows when that process sends, and has state from
	 * then on. */
	if (wanted->tgid && bpf_get_current_pid_tgid() >> 32 != wanted->tgid)
		return false;
	if (!wanted->by_cookie)
		return true;
	cookie = cookie_of(sk);
	return target_cookies.lookup(&cookie) != 0;
}
