/* SPDX-License-Identifier: GPL-2.0-only */
/* What a sender records: one C struct, one numpy dtype, one Parquet table each.
 *
 * Times are CLOCK_MONOTONIC nanoseconds, the clock of bpf_ktime_get_ns(). Identifiers of sends are the
 * kernel's 32-bit sk_zckey counter widened to 64 bits.
 */
#pragma once
#include <stdint.h>

struct zc_send_record {
	uint64_t send_id; /* id of a successful zerocopy send, else UINT64_MAX */
	int64_t start_ns; /* before the first attempt */
	int64_t latency_ns; /* until the last attempt returned, stalls of the policy included */
	uint32_t asked_bytes;
	uint32_t taken_bytes;
	uint32_t attempt_count; /* send calls */
	uint32_t enobufs_count; /* of these, calls that returned ENOBUFS */
	int32_t error;  /* errno of the last attempt, 0 on success */
	uint16_t channel;
	uint8_t zerocopy; /* the last attempt carried MSG_ZEROCOPY */
	uint8_t copied_on_purpose; /* the policy took the flag away */
};

struct zc_notification_record {
	int64_t time_ns; /* after recvmsg returned it */
	uint64_t lo;
	uint64_t hi;
	uint32_t flush_index; /* row in the flush table of this channel */
	uint16_t channel;
	uint8_t copied;  /* ee_code carried SO_EE_CODE_ZEROCOPY_COPIED */
	uint8_t origin;  /* ee_origin */
};

struct zc_flush_record {
	int64_t start_ns;
	int64_t duration_ns;
	uint64_t completion_count;
	uint32_t notification_count;
	uint32_t wait_count;
	uint32_t spurious_count; /* waits that ended without what was waited for */
	int32_t result;  /* 0, or a negative errno */
	uint16_t channel;
	uint8_t trigger; /* enum zc_flush_trigger */
	uint8_t blocking;
};

struct zc_stall_record { /* one write that waited inside its policy */
	int64_t start_ns; /* of the first wait; after ENOBUFS, when the send call had returned it */
	int64_t duration_ns; /* until the policy's last answer, including failed attempts in between */
	uint64_t completion_count; /* read meanwhile */
	uint32_t notification_count;
	uint32_t enobufs_count; /* 0: the policy waited before ENOBUFS could happen */
	int32_t result;  /* of the policy's last answer: 0, or a negative errno */
	uint16_t channel;
	uint16_t reserved;
};

struct zc_meminfo_record {
	int64_t time_ns;
	uint64_t in_flight; /* sends - completions as the sender knows them */
	uint32_t optmem_bytes;
	uint32_t wmem_queued_bytes;
	uint32_t wmem_alloc_bytes;
	uint16_t channel;
	uint8_t reason;  /* enum zc_meminfo_reason */
	uint8_t reserved;
};

struct zc_round_record { /* migration: one round on one channel */
	int64_t start_ns;
	int64_t duration_ns; /* including the flush at its end */
	uint64_t bytes;  /* headers included */
	uint32_t round;
	uint32_t page_count; /* with content */
	uint32_t zero_page_count;
	int32_t flush_result;
	uint16_t channel;
	uint8_t is_final; /* the guest is stopped: this round is the downtime */
	uint8_t reserved;
};

struct zc_request_record { /* rpc: one request and its response */
	int64_t start_ns;
	int64_t latency_ns;
	uint32_t bytes;
	uint16_t channel;
	uint8_t zerocopy;
	uint8_t reserved;
};

struct zc_tcp_info_record { /* one look at TCP_INFO; 0 is what TCP does not know yet */
	int64_t time_ns;
	int64_t rtt_ns; /* smoothed */
	int64_t rtt_var_ns;
	int64_t rtt_min_ns; /* the lowest that TCP has measured in the last minutes (tcp_min_rtt_wlen) */
	uint64_t cwnd_bytes;
	uint64_t delivery_rate_bps;
	uint32_t retransmit_count; /* segments, since the connection began */
	uint16_t channel;
	uint8_t app_limited; /* the rate was measured while the sender had nothing to send */
	uint8_t reserved;
};

enum zc_flush_trigger {
	ZC_TRIGGER_ENOBUFS = 0, /* the policy's answer to ENOBUFS */
	ZC_TRIGGER_EXPLICIT = 1, /* flush() at the end of a round or of the run, or a caller's own drain() */
	ZC_TRIGGER_SETTLE = 2, /* after the outcome is known, so that counts reconcile */
	ZC_TRIGGER_PERIODIC = 3, /* a policy reads, or waits, before anything failed */
	ZC_TRIGGER_REUSE = 4, /* a buffer is wanted again */
};

enum zc_meminfo_reason {
	ZC_MEMINFO_BASELINE = 0,
	ZC_MEMINFO_PERIODIC = 1,
	ZC_MEMINFO_ENOBUFS = 2, /* right after a send call returned ENOBUFS */
	ZC_MEMINFO_FLUSHED = 3, /* right after a flush */
	ZC_MEMINFO_END = 4,
	ZC_MEMINFO_POLICY = 5, /* a policy looked */
};
