// SPDX-License-Identifier: GPL-2.0-only
/* errqueue: a completion becomes a new entry of the queue or merges into its tail; recvmsg removes entries. */

#include "calls.h"
#include "kernel_reads.h"
#include "notification.h"
#include "socket_state.h"
#include "stand_in.h"
#include "usage.h"

#ifdef FUNCTIONS
/* sock_dequeue_err_skb(sk): for recvmsg(MSG_ERRQUEUE) */
ON_RETURN_ANYWHERE(sock_dequeue_err_skb, 3, 1)
{
	u64 sk = call->arguments[0], skb = call->result;
	struct way taken = { .phase = TAKEN };
	struct socket_state *state = state_of(sk);
	struct way *way;

#ifdef WATCHED
	if (!skb && state)
		note_reading(&state->usage, false);
#endif
	if (!skb || !state)
		return 0;
	way = ways.lookup(&skb);
	if (way && way->phase == COMPLETING)
		note_appended(context, sk, skb, way);
	ways.update(&skb, &taken);
	return 0;
}
#else
/* sock:inet_sk_error_report(sk): after each completion, and after each read that leaves entries */
WITH_STAND_IN(on_inet_sk_error_report)
{
	u64 sk = TRACED(context, 0), tail;
	struct socket_state *state = state_of(sk);
	struct extended_err error = {};

	if (!state)
		return 0;
	tail = read_u64(sk + OFFSET_sock_sk_error_queue_prev);
	if (!tail || tail == sk + OFFSET_sock_sk_error_queue)
		return 0; /* empty */
	read_extended_err(tail, &error);
	if ((state->has_tail && state->tail_lo == error.ee_info) || error.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		return 0; /* merged or read, which shows when it is freed, or of another origin */
	state->has_tail = 1;
	state->tail_lo = error.ee_info;
	emit_appended(context, state, sk, error.ee_info, error.ee_data, error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED,
		      read_u32(tail + OFFSET_sk_buff_truesize));
	return 0;
}
#endif

#if defined(WATCHED) && !defined(FUNCTIONS)
/* sock:sock_recv_length(sk, ret, flags): on the return of recvmsg; here of one that found the error queue empty */
int on_sock_recv_length(void *context)
{
	u64 sk = TRACED(context, 0);
	struct socket_state *state;

	if (!((u32)TRACED(context, 2) & MSG_ERRQUEUE) || (int)TRACED(context, 1) != -EAGAIN)
		return 0;
	state = state_of(sk);
	if (state)
		note_reading(&state->usage, false);
	return 0;
}
#endif
