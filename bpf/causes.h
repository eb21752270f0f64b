/* SPDX-License-Identifier: GPL-2.0-only */
/* causes: what may have made a send call return ENOBUFS. */
#pragma once

#include "kernel_reads.h"
#include "socket_state.h"
#include "zcprobe.h"

#define MSG_FASTOPEN 0x20000000
#define BIT(cause) (1U << ZC_CAUSE_##cause)

#ifdef FUNCTIONS
/* Every function on the way was seen to return, so there is exactly one cause, or none that we know. */
static __always_inline u32 find_candidates(u64 sk, struct socket_state *state, u8 seen, u64 message, u32 optmem_high)
{
	if (seen & ZC_SAW_NO_UARG) {
		if (seen & ZC_SAW_OPTMEM_FULL)
			return BIT(OPTMEM);
		if (seen & ZC_SAW_NO_MEMORY)
			return BIT(ALLOCATION);
		if (seen & ZC_SAW_ACCOUNT_FAILED)
			return seen & ZC_SAW_TAKEN_BACK ? BIT(MEMLOCK_NEW) : BIT(MEMLOCK_EXTENDED);
		return BIT(FOREIGN_UARG);
	}
	if (seen & ZC_SAW_QDISC_DROP)
		return BIT(QDISC);
	if (seen & ZC_SAW_APPEND_FAILED)
		return BIT(CORKED);
	if (message && peek_u32(message + OFFSET_msghdr_msg_flags) & MSG_FASTOPEN)
		return BIT(FASTOPEN);
	return 0;
}
#else
/* Concluded from what the call left behind. More than one bit is set where that does not decide between causes. */
static __always_inline u32 find_candidates(u64 sk, struct socket_state *state, u8 seen, u64 message, u32 optmem_high)
{
	bool is_tcp = read_u16(sk + OFFSET_sock_sk_protocol) == IPPROTO_TCP;
	u32 rest = BIT(ALLOCATION) | BIT(FOREIGN_UARG) | (is_tcp ? BIT(FASTOPEN) : BIT(CORKED));

	if (seen & ZC_SAW_QDISC_DROP)
		return BIT(QDISC);
	if (seen & ZC_SAW_TAKEN_BACK)
		return BIT(MEMLOCK_NEW);
	/* on UDP only a corked datagram extends a uarg, and that can also fail for lack of room */
	if (seen & ZC_SAW_CAPABILITY_REFUSED)
		return BIT(MEMLOCK_EXTENDED) | (is_tcp ? 0 : BIT(CORKED));
	if (!is_tcp && state->next_send_id != read_u32(sk + OFFSET_sock_sk_zckey))
		return BIT(QDISC) | BIT(CORKED); /* the call got its uarg */
	if (optmem_high + SKB_TRUESIZE_ZERO > optmem_limit(sk))
		return BIT(OPTMEM);
#ifndef HAVE_CAP_CAPABLE
	rest |= BIT(MEMLOCK_EXTENDED);
#endif
	return rest;
}
#endif
