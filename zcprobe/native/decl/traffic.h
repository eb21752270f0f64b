/* SPDX-License-Identifier: GPL-2.0-only */
/* Traffic: what is written. */
#pragma once
#include <stdint.h>
#include "decl/channel.h"

enum zc_model { ZC_MODEL_STREAM, ZC_MODEL_MIGRATION, ZC_MODEL_RPC, ZC_MODEL_MIXED };

/* never: no buffer is written again. after completion: a buffer is used again once its send is completed, as a correct sender
 * does. at once: it is overwritten as soon as the send call returned, which is the classic mistake. */
enum zc_reuse { ZC_REUSE_NEVER, ZC_REUSE_AFTER_COMPLETION, ZC_REUSE_AT_ONCE };

#define ZC_MAX_SIZES 16
#define ZC_MAX_PAGES_PER_PACKET 255
#define ZC_MAX_HEADER_BYTES 65536

struct zc_traffic {
	enum zc_model model;
	enum zc_reuse reuse;
	uint64_t write_count; /* for each channel; 0: until duration_ns is over */
	int64_t duration_ns; /* 0: until write_count is reached */
	uint64_t pacing_bps; /* writes wait for their turn at that rate; 0: never */
	uint64_t seed;
	uint32_t copy_below_bytes; /* smaller payloads and datagrams are copied, except in a migration */
	uint32_t size_count; /* sizes of a write's payload and their weights */
	uint32_t sizes[ZC_MAX_SIZES];
	uint32_t weights[ZC_MAX_SIZES];
	uint32_t header_bytes; /* migration, rpc: sent without zerocopy before each payload */
	uint32_t page_bytes; /* migration */
	uint32_t pages_per_packet;
	uint32_t zero_percent; /* of the guest's pages, sent as a bit in the header */
	uint32_t max_rounds;
	uint64_t guest_bytes; /* over all channels */
	uint64_t dirty_bytes_per_s;
	int64_t downtime_ns; /* limit */
};

/* Runs all channels, each in a thread, to their outcomes. SIGINT and SIGTERM end the run; their handlers are restored. 0 or a
 * negative errno when the channels cannot start. */
int zc_sender_run(const struct zc_channel_config *configs, struct zc_result *results, uint32_t count,
		  const struct zc_traffic *traffic);
