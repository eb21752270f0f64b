/* SPDX-License-Identifier: GPL-2.0-only */
/* notification: how one moves through the error queue and ends. Both are counted, and emitted as events. */
#pragma once

#include "events.h"
#include "filter.h"
#include "kernel_reads.h"
#include "socket_state.h"
#include "usage.h"
#include "zcprobe.h"

/* The kernel gives a merged entry the COPIED bit of its first uarg, and the entry is counted by that bit when it ends. So a
 * piece that is merged into it adds its own bit and subtracts the entry's. */
static __always_inline void count_copies(struct socket_state *state, u64 sk, const struct extended_err *error, u8 kind)
{
	u64 count = error->ee_data - error->ee_info + 1ULL, copied = 0;
	struct extended_err home = {};
	u64 tail;

	if (error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
		copied = count;
	if (kind == ZC_EVENT_MERGED) {
		tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
		if (tail && tail != sk + OFFSET_sock_sk_error_queue)
			read_extended_err(tail, &home);
		if (home.ee_origin != SO_EE_ORIGIN_ZEROCOPY ||
		    error->ee_info - home.ee_info > home.ee_data - home.ee_info) {
			/* read meanwhile; most likely it was the last one that was appended */
			add(&state->copies_unsure, count);
			home.ee_code = state->tail_copied ? SO_EE_CODE_ZEROCOPY_COPIED : 0;
		}
		if (home.ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
			copied -= count;
	}
	if (copied)
		add(&state->completions_copied, copied);
}

/* The queue is longest right before an entry is taken off. */
static __always_inline void count_depth(struct socket_state *state, u64 sk, u8 kind)
{
	u32 rest = read_u32(sk + OFFSET_sock_sk_error_queue_qlen);
	u32 depth = rest + (kind == ZC_EVENT_READ || kind == ZC_EVENT_PURGED);

	state->errqueue_depth = rest;
	if (depth > state->errqueue_depth_max)
		state->errqueue_depth_max = depth;
}

static __always_inline void count_end(struct socket_state *state, u64 sk, const struct extended_err *error, u8 kind)
{
	count_depth(state, sk, kind);
	add(&state->notifications[kind & 7], 1);
	if (kind == ZC_EVENT_READ)
		add(&state->completions_read, error->ee_data - error->ee_info + 1ULL);
	if (kind == ZC_EVENT_READ || kind == ZC_EVENT_PURGED || kind == ZC_EVENT_MERGED)
		count_copies(state, sk, error, kind);
}

#ifdef WATCHED
struct holder { /* of the data of late completions: their socket, and the stack that dropped the last reference */
	u64 cookie;
	u32 stack_id;
	u32 reserved;
};

BPF_TABLE("lru_hash", struct holder, u64, holders, 1024); /* completions */

static __always_inline void note_completion(void *context, struct socket_state *state, u32 lo, u32 hi)
{
	struct holder holder = { .cookie = state->cookie };
	u64 zero = 0, *count;

	if (!note_completed(&state->usage, lo, hi))
		return;
	holder.stack_id = stacks.get_stackid(context, 0);
	count = holders.lookup_or_try_init(&holder, &zero);
	if (count)
		add(count, hi - lo + 1ULL);
}

/* A notification that ended is the newest one no more, and tells how its sends were read. */
static __always_inline void note_end(void *context, struct socket_state *state, const struct extended_err *error,
				     u8 kind)
{
	u32 lo = error->ee_info, hi = error->ee_data;

	if (kind == ZC_EVENT_MERGED) {
		state->usage.tail_hi = hi;
		note_completion(context, state, lo, hi);
	}
	if (kind != ZC_EVENT_READ)
		return;
	note_reading(&state->usage, true);
	if ((int)(lo - state->first_send_id) < 0)
		lo = state->first_send_id;
	if ((int)(hi - lo) >= 0)
		add(&state->usage.own_completions_read, hi - lo + 1ULL);
}
#endif

static __always_inline int end_of_notification(void *context, u64 sk, u64 skb, u8 kind)
{
	struct zc_kernel_event *event;
	struct socket_state *state;
	struct extended_err error = {};
	u32 charge_bytes;

	state = sk ? state_of(sk) : 0; /* the verifier requires the test */
	if (!state)
		return 0;
	read_extended_err(skb, &error);
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY && kind != ZC_EVENT_REFUSED)
		kind = ZC_EVENT_DISCARDED; /* cb still holds the uarg: there was never a notification */
	charge_bytes = read_u32(skb + OFFSET_sk_buff_truesize);
	state->charge_bytes = charge_bytes;
	state->optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc) - charge_bytes;
	count_end(state, sk, &error, kind);
#ifdef WATCHED
	note_end(context, state, &error, kind);
#endif
	if (detail_in_force() < DETAIL_TIMELINE)
		return 0;
	event = new_event(sk, state->cookie, kind);
	if (!event)
		return 0;
	if (error.ee_origin == SO_EE_ORIGIN_ZEROCOPY) {
		event->lo = error.ee_info;
		event->hi = error.ee_data;
		event->copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	}
	event->charge_bytes = charge_bytes;
	submit(event);
	return 0;
}

static __always_inline void emit_appended(void *context, struct socket_state *state, u64 sk, u32 lo, u32 hi,
					  bool copied, u32 charge_bytes)
{
	struct zc_kernel_event *event;

	add(&state->notifications[ZC_EVENT_APPENDED], 1);
	state->tail_copied = copied;
	state->charge_bytes = charge_bytes;
#ifdef WATCHED
	state->usage.tail_lo = lo;
	state->usage.tail_hi = hi;
	note_completion(context, state, lo, hi);
#endif
	if (detail_in_force() < DETAIL_TIMELINE)
		return;
	event = new_event(sk, state->cookie, ZC_EVENT_APPENDED);
	if (!event)
		return;
	event->lo = lo;
	event->hi = hi;
	event->copied = copied;
	event->charge_bytes = charge_bytes;
	/* this runs where the last reference was dropped, so the stack names who held it */
	event->stack_id = stacks.get_stackid(context, 0);
	submit(event);
}

#ifdef FUNCTIONS
enum phase { COMPLETING = 1, QUEUED, TAKEN };

struct way { /* of a notification, by its skb */
	u32 lo;
	u32 hi;
	u8 phase;
	u8 copied;
	u16 reserved;
};

BPF_TABLE("lru_hash", u64, struct way, ways, 65536);
BPF_TABLE("lru_hash", u64, u8, emitted_appended, 65536); /* by skb, until it completes again */

/* A notification was appended if it still exists when its completion returns, or if it was read even before that. The reader
 * and the completion may find this out at the same time, on two CPUs: whoever inserts the key first emits the event. The key
 * stays until the skb completes again, because the second of the two may come as late as when the skb is freed. */
static __always_inline bool note_appended(void *context, u64 sk, u64 skb, const struct way *way)
{
	struct socket_state *state = state_of(sk);
	u8 yes = 1;

	if (!state)
		return false;
	if (emitted_appended.insert(&skb, &yes))
		return false;
	emit_appended(context, state, sk, way->lo, way->hi, way->copied, peek_u32(skb + OFFSET_sk_buff_truesize));
	return true;
}
#else
static __always_inline bool is_notification(u64 skb)
{
	return read_u64(skb + OFFSET_sk_buff_destructor) == ADDRESS_sock_ofree;
}
#endif
