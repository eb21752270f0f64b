/* SPDX-License-Identifier: GPL-2.0-only */
/* enobufs: counts a send call that returned ENOBUFS, and tells of it, with its cause and the state of optmem. */
#pragma once

#include "addresses.h"
#include "causes.h"
#include "events.h"
#include "evidence.h"
#include "filter.h"
#include "kernel_reads.h"
#include "memlock.h"
#include "socket_state.h"
#include "usage.h"
#include "zcprobe.h"

#ifdef WATCHED
#define DETAIL_OF_REFUSALS DETAIL_SUMMARY /* what a watched process meets is told at every detail */

struct refused_thread {
	u32 tgid;
	char comm[16];
};

struct refused_socket {
	u64 sk;
	u64 inode;
	struct addresses ends;
	u32 family;
	u32 charge_bytes; /* 0: not known yet */
};

BPF_TABLE("lru_hash", u32, struct refused_thread, refused_threads, 4096); /* by id: who made a call that was refused */
BPF_TABLE("lru_hash", u64, struct refused_socket, refused_sockets, 4096); /* by cookie: on which socket */

static __always_inline void note_refused_socket(struct socket_state *state)
{
	struct refused_socket refused = {
		.sk = state->sk,
		.inode = state->usage.inode,
		.ends = state->usage.ends,
		.family = state->usage.family,
		.charge_bytes = state->charge_bytes,
	};
	u64 cookie = state->cookie;

	refused_sockets.update(&cookie, &refused);
}

static __always_inline void note_refused_thread(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct refused_thread refused = { .tgid = thread >> 32 };
	u32 tid = thread;

	bpf_get_current_comm(refused.comm, sizeof(refused.comm));
	refused_threads.update(&tid, &refused);
}
#else
#define DETAIL_OF_REFUSALS DETAIL_TIMELINE
#endif

static __always_inline void count_enobufs(struct socket_state *state, u64 sk, u32 candidates)
{
	u32 slot = candidates ? CAUSE_AMBIGUOUS : CAUSE_OTHER;

#pragma unroll
	for (u32 cause = 0; cause < CAUSE_COUNT; cause++)
		if (candidates == 1U << cause)
			slot = cause;
	if (slot < 10)
		add(&state->enobufs[slot], 1);
	if (slot != ZC_CAUSE_OPTMEM)
		return;
	add(&state->enobufs_optmem_bytes, read_u32(sk + OFFSET_sock_sk_omem_alloc));
	add(&state->enobufs_depth, read_u32(sk + OFFSET_sock_sk_error_queue_qlen));
}

static __always_inline void emit_enobufs(u64 sk, struct socket_state *state, u64 message)
{
	u32 before = state->has_level ? state->optmem_before_bytes : UNKNOWN;
	u32 high = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	u8 seen = look_at_evidence();
	struct zc_kernel_event *event;
	u32 candidates;

	if (before != UNKNOWN && before > high)
		high = before;
	candidates = find_candidates(sk, state, seen, message, high);
	count_enobufs(state, sk, candidates);
	if (detail_in_force() < DETAIL_OF_REFUSALS)
		return;
#ifdef WATCHED
	note_refused_thread();
	note_refused_socket(state);
#endif
	event = new_event(sk, state->cookie, ZC_EVENT_ENOBUFS);
	if (!event)
		return;
	event->optmem_before_bytes = before;
	event->candidates = candidates;
	event->evidence = seen;
	read_memlock(&event->memlock_locked_pages, &event->memlock_limit_pages);
	submit(event);
}
