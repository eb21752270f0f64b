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
	u32 by_process; /* not by namespace: sockets with zerocopy on which a process of target_processes sends */
	u32 by_thread; /* of these only those on which a thread of target_threads sends */
	u32 follows; /* children of these processes are added to them */
};

BPF_ARRAY(target, struct target, 1);
BPF_HASH(target_cookies, u64, u8, 256);
BPF_HASH(target_processes, u32, u8, 4096); /* as the first pid namespace numbers them */
BPF_HASH(target_threads, u32, u8, 256);

static __always_inline u32 detail_in_force(void)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);

	return wanted ? wanted->detail : DETAIL_OFF;
}

/* Whether this thread is one of those that are watched. */
static __always_inline bool is_thread_of_target(struct target *wanted)
{
	u64 thread = bpf_get_current_pid_tgid();
	u32 tgid = thread >> 32, tid = thread;

	return target_processes.lookup(&tgid) && (!wanted->by_thread || target_threads.lookup(&tid));
}

#ifdef WATCHED
static __always_inline bool uses_zerocopy(u64 sk)
{
	return has_zerocopy(sk) || read_u32(sk + OFFSET_sock_sk_zckey);
}

static __always_inline bool is_used_by_target(u64 sk, struct target *wanted)
{
	return is_thread_of_target(wanted) && uses_zerocopy(sk);
}
#endif

/* For a socket without state. The run's sockets are all those of its own network namespace; in a namespace that the run
 * shares, they are those that it named. */
static __always_inline bool is_new_and_ours(u64 sk)
{
	u32 zero = 0;
	struct target *wanted = target.lookup(&zero);
	u64 net, cookie;

	if (!wanted || !sk)
		return false;
#ifdef WATCHED
	if (wanted->by_process)
		return is_used_by_target(sk, wanted);
#endif
	if (!wanted->netns_inode)
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
