// SPDX-License-Identifier: GPL-2.0-only
/* What a socket says of its memory by SO_MEMINFO, and what follows for a policy. */
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include "channel.h"
#include "meminfo.h"
#include "records.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

uint32_t zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason)
{
	struct zc_result *result = channel->result;
	struct zc_meminfo_record *record;
	uint32_t values[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);

	if (getsockopt(channel->config.fd, SOL_SOCKET, SO_MEMINFO, values, &length))
		return 0;
	if (reason == ZC_MEMINFO_BASELINE)
		result->optmem_baseline_bytes = values[SK_MEMINFO_OPTMEM];
	if (values[SK_MEMINFO_OPTMEM] > result->optmem_peak_bytes)
		result->optmem_peak_bytes = values[SK_MEMINFO_OPTMEM];
	record = zc_record(channel->config.recorder, ZC_STREAM_MEMINFO);
	if (record)
		*record = (struct zc_meminfo_record){
			.time_ns = zc_now_ns(),
			.in_flight = channel->queued - channel->completed,
			.optmem_bytes = values[SK_MEMINFO_OPTMEM],
			.wmem_queued_bytes = values[SK_MEMINFO_WMEM_QUEUED],
			.wmem_alloc_bytes = values[SK_MEMINFO_WMEM_ALLOC],
			.channel = channel->config.channel,
			.reason = reason,
		};
	return values[SK_MEMINFO_OPTMEM];
}

bool zc_has_free(struct zc_channel *channel, uint32_t percent)
{
	uint64_t level = zc_meminfo(channel, ZC_MEMINFO_POLICY), limit = channel->config.optmem_max_bytes;

	return level * 100 <= limit * (100 - percent);
}

bool zc_may_exceed(const struct zc_channel *channel, uint32_t percent)
{
	uint64_t bound = (channel->queued - channel->completed + 1) * channel->config.charge_bytes;

	return bound * 100 > (uint64_t)channel->config.optmem_max_bytes * percent;
}
