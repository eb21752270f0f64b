// SPDX-License-Identifier: GPL-2.0-only
/* uarg: the life of the kernel's ubuf_info_msgzc, from the send that needed it to its last reference.
 *
 * Tracepoints show only the end of a uarg, in optmem.bpf.c and errqueue.bpf.c.
 */

#include "calls.h"
#include "events.h"
#include "evidence.h"
#include "filter.h"
#include "kernel_reads.h"
#include "notification.h"
#include "socket_state.h"
#include "zcprobe.h"

#ifdef FUNCTIONS
static __always_inline void emit_send(u64 sk, u64 cookie, u64 uarg, u8 kind)
{
	struct zc_kernel_event *event;

	if (detail_in_force() < DETAIL_FULL)
		return;
	event = new_event(sk, cookie, kind);
	if (!event)
		return;
	event->lo = peek_u32(uarg + OFFSET_uarg_id);
	event->hi = event->lo + peek_u16(uarg + OFFSET_uarg_len) - 1;
	event->charge_bytes = peek_u32(uarg - OFFSET_sk_buff_cb + OFFSET_sk_buff_truesize);
	submit(event);
}

/* msg_zerocopy_realloc(sk, size, uarg): NULL, the newest uarg with one more send, or a new one */
ON_RETURN(msg_zerocopy_realloc, 4, ARGUMENTS_msg_zerocopy_realloc)
{
	u64 sk = call->arguments[0], uarg = call->result;
	struct socket_state *state;

	state = state_of(sk);
	if (!state) {
		if (!uarg)
			forget_evidence(); /* of another socket of this thread */
		return 0;
	}
	if (!uarg) {
		note_evidence(ZC_SAW_NO_UARG);
		return 0;
	}
	if (uarg != call->arguments[2]) {
		emit_send(sk, state->cookie, uarg, ZC_EVENT_CHARGED);
		return 0;
	}
	add(&state->uargs_extended, 1);
	emit_send(sk, state->cookie, uarg, ZC_EVENT_EXTENDED);
	return 0;
}

/* The completion is __msg_zerocopy_callback(uarg). Where the compiler inlined it, it is msg_zerocopy_complete(skb, uarg,
 * success), of which the last one is the call that drops the last reference. */
#ifdef COMPLETION_IS_FINAL
#define COMPLETION_ARGUMENTS 1
#define UARG_ARGUMENT 0
#else
#define COMPLETION_ARGUMENTS 3
#define UARG_ARGUMENT 1
#endif

ON_ENTRY_ANYWHERE(on_msg_zerocopy_complete_begin)
{
#ifdef COMPLETION_IS_FINAL
	u64 uarg = ARGUMENT(context, 0);
	bool success = true;
#else
	u64 uarg = ARGUMENT(context, 1);
	bool success = ARGUMENT(context, 2) & 1;

	if (peek_u32(uarg + OFFSET_uarg_refcnt) != 1)
		return 0;
#endif
	u64 skb = uarg - OFFSET_sk_buff_cb;
	u16 len = peek_u16(uarg + OFFSET_uarg_len);
	struct way way = { .phase = COMPLETING };

	if (!state_of(peek_u64(skb + OFFSET_sk_buff_sk)))
		return 0;
	way.lo = peek_u32(uarg + OFFSET_uarg_id);
	way.hi = way.lo + len - 1;
	way.copied = !(success && peek_u16(uarg + OFFSET_uarg_zerocopy) & 1);
	emitted_appended.delete(&skb);
	ways.update(&skb, &way);
	return 0;
}

ON_RETURN_ANYWHERE(msg_zerocopy_complete, 5, COMPLETION_ARGUMENTS)
{
	u64 skb = call->arguments[UARG_ARGUMENT] - OFFSET_sk_buff_cb, sk;
	struct way *way = ways.lookup(&skb);

	if (!way || way->phase != COMPLETING)
		return 0; /* this was not the last reference, or the notification was merged and freed */
	sk = peek_u64(skb + OFFSET_sk_buff_sk);
	if (note_appended(context, sk, skb, way))
		way->phase = QUEUED;
	return 0;
}
#endif
