// SPDX-License-Identifier: GPL-2.0-only
/* The account of a write that waits inside its policy. */
#include "channel.h"
#include "records.h"

void zc_stall_begin(struct zc_channel *channel, struct zc_attempt *attempt)
{
	if (!attempt->stall.start_ns) {
		attempt->stall.start_ns = zc_now_ns();
		attempt->stall.completions = channel->result->completion_count;
		attempt->stall.notifications = channel->result->notification_count;
	}
	ZC_PUBLISH(channel->result->stalled_since_ns, attempt->stall.start_ns);
}

void zc_stall_drop(struct zc_channel *channel)
{
	ZC_PUBLISH(channel->result->stalled_since_ns, 0);
}

void zc_stall_end(struct zc_channel *channel, struct zc_attempt *attempt, int result)
{
	zc_stall_drop(channel);
	attempt->stall.end_ns = zc_now_ns();
	attempt->stall.result = result;
}

void zc_record_stall(struct zc_channel *channel, const struct zc_attempt *attempt)
{
	const struct zc_stall *stall = &attempt->stall;
	int64_t duration_ns = stall->end_ns - stall->start_ns;
	struct zc_result *result = channel->result;
	struct zc_stall_record *record;

	result->stall_count++;
	ZC_PUBLISH(result->stall_ns, result->stall_ns + duration_ns);
	if (duration_ns > result->stall_max_ns)
		result->stall_max_ns = duration_ns;
	record = zc_record(channel->config.recorder, ZC_STREAM_STALL);
	if (record)
		*record = (struct zc_stall_record){
			.start_ns = stall->start_ns,
			.duration_ns = duration_ns,
			.completion_count = result->completion_count - stall->completions,
			.notification_count = result->notification_count - stall->notifications,
			.enobufs_count = attempt->enobufs_count,
			.result = stall->result,
			.channel = channel->config.channel,
		};
}
