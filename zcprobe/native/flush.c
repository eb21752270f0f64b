// SPDX-License-Identifier: GPL-2.0-only
/* Reading notifications: how long, waiting or not, and the account of each reading. */
#include "channel.h"
#include "engine.h"
#include "flush.h"
#include "meminfo.h"
#include "records.h"

/* No default: the compiler names a constant that has no case. */
static int readiness_to_wait_for(enum zc_wait_for wait_for)
{
	switch (wait_for) {
	case ZC_WAIT_FOR_ERROR:
		return ZC_COMPLETION;
	case ZC_WAIT_FOR_INPUT:
		return ZC_READABLE;
	case ZC_WAIT_FOR_BOTH:
		return ZC_COMPLETION | ZC_READABLE;
	}
	return ZC_COMPLETION;
}

static int wait_for_notification(struct zc_channel *channel, int64_t deadline_ns, struct zc_flush_record *record)
{
	int wanted = readiness_to_wait_for(channel->config.wait_for);

	for (;;) {
		int found = zc_wait(channel, wanted, deadline_ns);

		record->wait_count++;
		if (found < 0)
			return found;
		if (found & wanted)
			return 0;
		/* an engine reports completions unasked: a caller that dispatches on what it asked for waits again at once */
		record->spurious_count++;
	}
}

/* Ends once no more than `leave` sends are outstanding, or without `block` when there is no notification now. */
static int read_until_left(struct zc_channel *channel, uint64_t leave, bool block, struct zc_flush_record *record)
{
	while (channel->queued - channel->completed > leave) {
		int status = channel->config.engine->reap(channel);

		if (status < 0)
			return status;
		if (status > 0)
			continue;
		if (!block)
			return 0;
		status = wait_for_notification(channel, channel->deadline_ns, record);
		if (status < 0)
			return status;
	}
	return 0;
}

struct flush { /* a reading that is under way */
	struct zc_flush_record record;
	uint64_t completions;
	uint64_t notifications;
};

static struct flush begin_flush(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger)
{
	return (struct flush){
		.record = { .start_ns = zc_now_ns(),
			    .channel = channel->config.channel,
			    .trigger = trigger,
			    .blocking = block },
		.completions = channel->result->completion_count,
		.notifications = channel->result->notification_count,
	};
}

static void end_flush(struct zc_channel *channel, struct flush *flush, int status)
{
	const struct zc_result *result = channel->result;
	struct zc_flush_record *slot;

	flush->record.duration_ns = zc_now_ns() - flush->record.start_ns;
	flush->record.completion_count = result->completion_count - flush->completions;
	flush->record.notification_count = result->notification_count - flush->notifications;
	flush->record.result = status;
	slot = zc_record(channel->config.recorder, ZC_STREAM_FLUSH);
	if (slot)
		*slot = flush->record;
	channel->flush_index++;
	/* A policy that reads before each send without waiting would otherwise cost a getsockopt for each. */
	if (slot && (flush->record.trigger != ZC_TRIGGER_PERIODIC || flush->record.blocking))
		zc_meminfo(channel, ZC_MEMINFO_FLUSHED);
}

static int flush_until_left(struct zc_channel *channel, uint64_t leave, bool block, enum zc_flush_trigger trigger)
{
	struct flush flush = begin_flush(channel, block, trigger);
	int status = read_until_left(channel, leave, block, &flush.record);

	end_flush(channel, &flush, status);
	return status;
}

int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger)
{
	return flush_until_left(channel, 0, block, trigger);
}

int zc_flush_half(struct zc_channel *channel, enum zc_flush_trigger trigger)
{
	return flush_until_left(channel, (channel->queued - channel->completed) / 2, true, trigger);
}

int zc_flush_until_free(struct zc_channel *channel, uint32_t percent, int64_t deadline_ns, enum zc_flush_trigger trigger)
{
	struct flush flush = begin_flush(channel, true, trigger);
	int status, is_free;

	for (;;) {
		status = read_until_left(channel, 0, false, &flush.record);
		is_free = zc_has_free(channel, percent);
		if (status < 0 || is_free || channel->completed == channel->queued)
			break;
		status = wait_for_notification(channel, deadline_ns, &flush.record);
		if (status < 0)
			break;
	}
	/* The policy's own deadline is an answer to it; the run's deadline ends the run. */
	if (status == -ETIMEDOUT && zc_now_ns() < channel->deadline_ns)
		status = 0;
	end_flush(channel, &flush, status);
	return status < 0 ? status : is_free;
}

static void count_missed(struct zc_channel *channel, const int by_variant[])
{
	struct zc_result *result = channel->result;

	result->flush_count++;
	result->missed_all_copied_count += by_variant[ZC_FLUSH_ALL_COPIED];
	result->missed_sticky_count += by_variant[ZC_FLUSH_STICKY];
	result->missed_any_copied_count += by_variant[ZC_FLUSH_ANY_COPIED];
	result->missed_zero_copy_count += by_variant[channel->config.flush_variant];
}

/* What 1 means has changed over QEMU's versions, see enum zc_flush_variant. */
int zc_channel_flush(struct zc_channel *channel)
{
	int by_variant[ZC_FLUSH_ANY_COPIED + 1], status;

	channel->copied_in_flush = false;
	channel->zerocopied_in_flush = false;
	status = zc_flush_internal(channel, true, ZC_TRIGGER_EXPLICIT);
	if (status < 0)
		return status;
	by_variant[ZC_FLUSH_ALL_COPIED] = channel->copied_in_flush && !channel->zerocopied_in_flush;
	by_variant[ZC_FLUSH_STICKY] = !channel->zerocopied_since_flush;
	by_variant[ZC_FLUSH_ANY_COPIED] = channel->copied_in_flush;
	channel->zerocopied_since_flush = false;
	count_missed(channel, by_variant);
	return by_variant[channel->config.flush_variant];
}

int zc_channel_drain(struct zc_channel *channel)
{
	return zc_flush_internal(channel, false, ZC_TRIGGER_EXPLICIT);
}
