// SPDX-License-Identifier: GPL-2.0-only
/* The account of the notifications that an engine reads. */
#include "channel.h"
#include "engine.h"
#include "records.h"

uint64_t zc_widen(uint64_t near, uint32_t id)
{
	return near + (int64_t)(int32_t)(id - (uint32_t)near);
}

static void count_notification(struct zc_channel *channel, uint64_t count, bool copied)
{
	struct zc_result *result = channel->result;

	channel->completed += count;
	atomic_store_explicit(&channel->completed_seen, channel->completed, memory_order_relaxed);
	ZC_PUBLISH(result->notification_count, result->notification_count + 1);
	ZC_PUBLISH(result->completion_count, result->completion_count + count);
	if (copied) {
		channel->copied_in_flush = true;
		result->copied_completion_count += count;
	} else {
		channel->zerocopied_in_flush = true;
		channel->zerocopied_since_flush = true;
	}
}

void zc_complete(struct zc_channel *channel, const struct zc_notification *notification)
{
	uint64_t lo = zc_widen(channel->completed, notification->lo);
	uint64_t hi = lo + notification->count - 1;
	struct zc_notification_record *record = zc_record(channel->config.recorder, ZC_STREAM_NOTIFICATION);

	if (record)
		*record = (struct zc_notification_record){
			.time_ns = zc_now_ns(),
			.lo = lo,
			.hi = hi,
			.flush_index = channel->flush_index,
			.channel = channel->config.channel,
			.copied = notification->copied,
			.origin = notification->origin,
		};
	count_notification(channel, notification->count, notification->copied);
	if (channel->on_completion)
		channel->on_completion(channel, lo, hi);
}
