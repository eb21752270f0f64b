// SPDX-License-Identifier: GPL-2.0-only
/* skb: what becomes of the data: whether it was copied after all, and by whom, or dropped by the qdisc. */

#include "calls.h"
#include "events.h"
#include "evidence.h"
#include "filter.h"
#include "kernel_reads.h"
#include "notification.h"
#include "socket_state.h"
#include "stand_in.h"
#include "zcprobe.h"

/* DROP_REASON_*: the kernel's numbers for drops by a qdisc. Newer kernels tell more of them apart. */
static __always_inline bool is_qdisc_drop(u32 reason)
{
	return reason == DROP_REASON_0 || reason == DROP_REASON_1 || reason == DROP_REASON_2 ||
	       reason == DROP_REASON_3 || reason == DROP_REASON_4 || reason == DROP_REASON_5 ||
	       reason == DROP_REASON_6 || reason == DROP_REASON_7;
}

#ifndef FUNCTIONS
/* The notification was taken back by msg_zerocopy_realloc(), or purged unread. */
static __always_inline int on_freed_notification(void *context, u64 skb, u64 location)
{
	bool refused = location >= ADDRESS_msg_zerocopy_realloc && location < ADDRESS_msg_zerocopy_realloc_end;

	if (refused)
		note_evidence(ZC_SAW_TAKEN_BACK);
	return end_of_notification(context, read_u64(skb + OFFSET_sk_buff_sk), skb,
				   refused ? ZC_EVENT_REFUSED : ZC_EVENT_PURGED);
}
#endif

/* skb:kfree_skb(skb, location, reason, ...); a send call only learns of a drop on UDP with IP_RECVERR */
WITH_STAND_IN(on_kfree_skb)
{
	u64 skb = TRACED(context, 0), sk;

#ifndef FUNCTIONS
	if (is_notification(skb))
		return on_freed_notification(context, skb, TRACED(context, 1));
#endif
#if ARGUMENTS_kfree_skb >= 3
	if (!is_qdisc_drop(TRACED(context, 2)))
		return 0;
	sk = read_u64(skb + OFFSET_sk_buff_sk);
	if (sk && is_ours(sk) && read_u16(sk + OFFSET_sock_sk_protocol) != IPPROTO_TCP)
		note_evidence(ZC_SAW_QDISC_DROP);
#endif
	return 0;
}

#ifdef FUNCTIONS
BPF_TABLE("lru_hash", u32, u64, copy_paths, 1024); /* stack id -> skbs */

/* skb_copy_ubufs(skb, gfp): user pages are copied because somebody may keep the data */
ON_ENTRY_ANYWHERE(on_skb_copy_ubufs)
{
	u64 skb = ARGUMENT(context, 0), one = 1, *count;
	u64 shared = peek_u64(skb + OFFSET_sk_buff_head) + peek_u32(skb + OFFSET_sk_buff_end);
	u64 uarg = peek_u64(shared + OFFSET_skb_shared_info_destructor_arg), sk;
	struct zc_kernel_event *event;
	struct socket_state *state;
	u32 stack_id;

	if (!(peek_u8(shared + OFFSET_skb_shared_info_flags) & 1) || !uarg)
		return 0;
	sk = peek_u64(uarg - OFFSET_sk_buff_cb + OFFSET_sk_buff_sk);
	state = state_of(sk);
	if (!state)
		return 0;
	stack_id = stacks.get_stackid(context, 0);
	count = copy_paths.lookup(&stack_id);
	if (count)
		add(count, 1);
	else
		copy_paths.update(&stack_id, &one);
	if (detail_in_force() < DETAIL_FULL)
		return 0;
	event = new_event(sk, state->cookie, ZC_EVENT_COPIED);
	if (!event)
		return 0;
	event->lo = peek_u32(uarg + OFFSET_uarg_id);
	event->hi = event->lo + peek_u16(uarg + OFFSET_uarg_len) - 1;
	event->copied = 1;
	event->stack_id = stack_id;
	submit(event);
	return 0;
}
#endif
