/* SPDX-License-Identifier: GPL-2.0-only */
/* addresses: the two ends of a socket. */
#pragma once

#include "kernel_reads.h"

#define AF_INET 2

struct addresses {
	u64 local[2]; /* as in the packet; IPv4 in the first four bytes */
	u64 remote[2];
	u16 local_port; /* host order */
	u16 remote_port; /* network order, 0: not connected */
	u32 reserved;
};

/* Leaves all as it is for a family without such addresses. */
static __always_inline void read_addresses(struct addresses *ends, u64 sk, u16 family)
{
	if (family == AF_INET) {
		ends->local[0] = read_u32(sk + OFFSET_sock___sk_common_skc_rcv_saddr);
		ends->remote[0] = read_u32(sk + OFFSET_sock___sk_common_skc_daddr);
#ifdef OFFSET_sock___sk_common_skc_v6_daddr
	} else if (family == AF_INET6) {
		ends->local[0] = read_u64(sk + OFFSET_sock___sk_common_skc_v6_rcv_saddr);
		ends->local[1] = read_u64(sk + OFFSET_sock___sk_common_skc_v6_rcv_saddr + 8);
		ends->remote[0] = read_u64(sk + OFFSET_sock___sk_common_skc_v6_daddr);
		ends->remote[1] = read_u64(sk + OFFSET_sock___sk_common_skc_v6_daddr + 8);
#endif
	} else {
		return;
	}
	ends->local_port = read_u16(sk + OFFSET_sock___sk_common_skc_num);
	ends->remote_port = read_u16(sk + OFFSET_sock___sk_common_skc_dport);
}
