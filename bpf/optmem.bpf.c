// SPDX-License-Identifier: GPL-2.0-only
/* optmem: what notifications charge to their socket, and when they return it.
 *
 * A notification is an skb whose destructor is sock_ofree(); no other skb has that destructor. Tracepoints tell how a
 * notification ended by who frees it, functions by what happened to it before: see notification.h.
 */

#include "calls.h"
#include "evidence.h"
#include "kernel_reads.h"
#include "notification.h"
#include "socket_state.h"
#include "stand_in.h"
#include "zcprobe.h"

#ifdef FUNCTIONS
/* sock_ofree(skb): the charge is about to be returned */
ON_ENTRY_ANYWHERE(on_sock_ofree)
{
	u64 skb = ARGUMENT(context, 0), sk = peek_u64(skb + OFFSET_sk_buff_sk);
	struct way *way = ways.lookup(&skb);
	u8 phase = way ? way->phase : 0;

	ways.delete(&skb);
	if (phase == TAKEN)
		return end_of_notification(context, sk, skb, ZC_EVENT_READ);
	if (phase == COMPLETING)
		return end_of_notification(context, sk, skb, ZC_EVENT_MERGED);
	if (look_at_evidence() & ZC_SAW_ACCOUNT_FAILED) {
		note_evidence(ZC_SAW_TAKEN_BACK);
		return end_of_notification(context, sk, skb, ZC_EVENT_REFUSED);
	}
	return end_of_notification(context, sk, skb, ZC_EVENT_PURGED);
}

/* sock_omalloc(sk, size, priority): NULL at the limit, before it allocates, and if there is no memory */
ON_RETURN(sock_omalloc, 2, 3)
{
	u64 sk = call->arguments[0];
	struct socket_state *state;
	u32 level;

	state = state_of(sk);
	if (!state)
		return 0;
	if (call->result) {
		add(&state->uargs_charged, 1);
		return 0;
	}
	/* Completions may have lowered the level since sock_omalloc() tested it. The last send call left it at least that
	 * high. */
	level = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	if (state->optmem_before_bytes > level)
		level = state->optmem_before_bytes;
	note_evidence(level + SKB_TRUESIZE_ZERO > optmem_limit(sk) ? ZC_SAW_OPTMEM_FULL : ZC_SAW_NO_MEMORY);
	return 0;
}
#else
/* skb:consume_skb(skb, location): merged inside the completion, else read by recvmsg(MSG_ERRQUEUE) */
WITH_STAND_IN(on_consume_skb)
{
	u64 skb = TRACED(context, 0), location = TRACED(context, 1);
	bool merged = location >= ADDRESS_completion && location < ADDRESS_completion_end;

	if (!is_notification(skb))
		return 0;
	return end_of_notification(context, read_u64(skb + OFFSET_sk_buff_sk), skb,
				   merged ? ZC_EVENT_MERGED : ZC_EVENT_READ);
}
#endif
