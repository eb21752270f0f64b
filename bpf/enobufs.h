/* SPDX-License-Identifier: GPL-2.0-only */
/* enobufs: counts a send call that returned ENOBUFS, and tells of it, with its cause and the state of optmem. */
#pragma once

#include "causes.h"
#include "events.h"
#include "evidence.h"
#include "filter.h"
#include "kernel_reads.h"
#include "memlock.h"
#include "socket_state.h"
#include "zcprobe.h"

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
	if (detail_in_force() < DETAIL_TIMELINE)
		return;
	event = new_event(sk, state->cookie, ZC_EVENT_ENOBUFS);
	if (!event)
		return;
	event->optmem_before_bytes = before;
	event->candidates = candidates;
	event->evidence = seen;
	read_memlock(&event->memlock_locked_pages, &event->memlock_limit_pages);
	submit(event);
}
