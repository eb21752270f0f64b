/* SPDX-License-Identifier: GPL-2.0-only */
/* How a channel ended, and what it counted. */
#pragma once
#include <stdint.h>

enum zc_outcome {
	ZC_OUTCOME_COMPLETED,
	ZC_OUTCOME_DEAD_ENOBUFS,
	ZC_OUTCOME_DEAD_TIMEOUT,
	ZC_OUTCOME_DEAD_ERROR,
	ZC_OUTCOME_INTERRUPTED,
};

/* The counters of one channel. Another process may read them while the channel sends: each is stored whole, but nothing is said
 * of when two of them agree. */
struct zc_result {
	enum zc_outcome outcome;
	int32_t error;  /* errno that ended the run */
	uint32_t error_check; /* enum zc_check: which check of the error queue failed */
	int64_t start_ns;
	int64_t end_ns;  /* when the outcome was known: after the final flush, before settling */
	uint64_t write_count;
	uint64_t send_count; /* successful zerocopy sends that the kernel gave an id */
	uint64_t plain_count; /* successful sends without the flag: headers and copies */
	uint64_t copied_on_purpose_count; /* of these, sends that a policy or a threshold took the flag from */
	uint64_t bytes_sent;
	uint64_t notification_count;
	uint64_t completion_count;
	uint64_t copied_completion_count;
	uint64_t enobufs_count;
	uint64_t eagain_count;
	uint64_t constrained_count; /* ENOBUFS with nothing outstanding */
	uint64_t stall_count; /* writes that waited inside their policy, see struct zc_stall_record */
	int64_t stall_ns;
	int64_t stall_max_ns;
	int64_t stalled_since_ns; /* when the stall began that is not in stall_ns yet; 0: there is none */
	uint64_t flush_count; /* explicit ones */
	uint64_t missed_zero_copy_count; /* of these, flushes that returned 1, by the channel's own variant, */
	uint64_t missed_all_copied_count; /* and that would have by each variant, on the same notifications */
	uint64_t missed_sticky_count;
	uint64_t missed_any_copied_count;
	uint64_t round_count; /* migration */
	uint64_t converged; /* migration: 1 when the rest fitted into the downtime limit */
	int64_t downtime_ns; /* migration: the final round */
	uint64_t response_count; /* rpc */
	int64_t request_max_ns; /* rpc: the longest request, its response included */
	uint32_t optmem_baseline_bytes;
	uint32_t optmem_peak_bytes; /* over all SO_MEMINFO samples */
	uint64_t rtt_sample_count; /* TCP_INFO; all are 0 without a recorder */
	uint64_t rtt_sum_ns; /* of the smoothed round-trip time */
	uint64_t rtt_min_ns; /* the lowest that TCP measured */
	uint64_t rtt_max_ns; /* the highest smoothed one */
	uint64_t cwnd_max_bytes;
	uint64_t delivery_rate_max_bps;
	int64_t cpu_user_ns;
	int64_t cpu_system_ns;
	uint64_t foreign_count; /* entries of the error queue that were skipped, see enum zc_foreign */
	uint32_t foreign_origin; /* of the last of them: its ee_origin and ee_errno */
	uint32_t foreign_error;
	uint32_t idle;  /* 1: when the outcome was known, no completion had come and no byte had left for idle_ns */
	uint32_t unpinned; /* 1: the CPU went offline, so the thread did not stay on config.cpu */
};
