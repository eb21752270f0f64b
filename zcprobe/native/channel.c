// SPDX-License-Identifier: GPL-2.0-only
/* One socket with a policy: what a write means, and what each way for a send to fail means. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "channel.h"
#include "engine.h"
#include "meminfo.h"
#include "policy.h"
#include "records.h"
#include "tcp_info.h"

static struct zc_channel *refuse(int error)
{
	errno = error;
	return NULL;
}

struct zc_channel *zc_channel_open(const struct zc_channel_config *config, struct zc_result *result)
{
	struct zc_channel *channel;
	int error;

	if (!config->policy || !config->engine)
		return refuse(EINVAL);
	channel = aligned_alloc(_Alignof(struct zc_channel), sizeof(*channel));
	if (!channel)
		return refuse(ENOMEM);
	memset(channel, 0, sizeof(*channel));
	memset(result, 0, sizeof(*result));
	channel->config = *config;
	channel->result = result;
	channel->blocking = config->policy->blocking;
	channel->deadline_ns = zc_now_ns() + config->deadline_ns;
	error = config->engine->open(channel);
	if (error) {
		free(channel);
		return refuse(-error);
	}
	zc_meminfo(channel, ZC_MEMINFO_BASELINE);
	zc_tcp_info(channel);
	return channel;
}

void zc_channel_close(struct zc_channel *channel)
{
	channel->config.engine->close(channel);
	free(channel);
}

uint64_t zc_channel_in_flight(const struct zc_channel *channel)
{
	return channel->queued - channel->completed;
}

int zc_channel_set_blocking(struct zc_channel *channel, bool enabled)
{
	int flags = fcntl(channel->config.fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = enabled ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	if (fcntl(channel->config.fd, F_SETFL, flags))
		return -errno;
	channel->blocking = enabled;
	return 0;
}

/* A policy that gives up, or copies without reading or waiting first, has not stalled the write. */
static int answer_no_room(struct zc_channel *channel, struct zc_attempt *attempt)
{
	uint32_t flushes = channel->flush_index;
	int verdict;

	attempt->enobufs_count++;
	ZC_PUBLISH(channel->result->enobufs_count, channel->result->enobufs_count + 1);
	zc_meminfo(channel, ZC_MEMINFO_ENOBUFS);
	if (!attempt->zerocopy)
		return -ENOBUFS; /* for a plain send it is an ordinary error */
	zc_stall_begin(channel, attempt);
	verdict = channel->config.policy->on_no_room(channel, attempt);
	if (verdict == ZC_RETRY || verdict < 0 || channel->flush_index != flushes)
		zc_stall_end(channel, attempt, verdict < 0 ? verdict : 0);
	else
		zc_stall_drop(channel);
	if (verdict == ZC_COPY)
		attempt->zerocopy = false;
	return verdict == ZC_DEAD ? -ENOBUFS : verdict;
}

/* What the failed attempt means: 0 or more to try again, or a negative errno. */
ZC_COLD static int handle_error(struct zc_channel *channel, struct zc_attempt *attempt, int error)
{
	switch (error) {
	case -EINTR:
		return zc_run_is_active ? zc_must_end(channel) : -EINTR;
	case -EAGAIN:
		channel->result->eagain_count++;
		return -EAGAIN;
	case -ENOBUFS:
		return answer_no_room(channel, attempt);
	default:
		return error;
	}
}

static ssize_t send_until_taken(struct zc_channel *channel, const struct zc_part *parts, int part_count,
				struct zc_attempt *attempt)
{
	for (;;) {
		ssize_t taken = channel->config.engine->send(channel, parts, part_count, attempt->zerocopy);
		int status;

		attempt->attempt_count++;
		if (taken >= 0)
			return taken;
		status = handle_error(channel, attempt, taken);
		if (status < 0)
			return status;
	}
}

/* On a stream a call that sends nothing takes no id. An empty datagram does: it has a header. */
static bool takes_id(const struct zc_channel *channel, const struct zc_attempt *attempt, ssize_t taken)
{
	return attempt->zerocopy && (taken > 0 || (!taken && channel->config.is_datagram));
}

static void count_send(struct zc_channel *channel, const struct zc_attempt *attempt, ssize_t taken)
{
	struct zc_result *result = channel->result;

	if (taken < 0)
		return;
	ZC_PUBLISH(result->bytes_sent, result->bytes_sent + taken);
	if (attempt->zerocopy) {
		channel->queued += takes_id(channel, attempt, taken);
		ZC_PUBLISH(result->send_count, channel->queued);
		return;
	}
	ZC_PUBLISH(result->plain_count, result->plain_count + 1);
	if (attempt->wanted_zerocopy)
		result->copied_on_purpose_count++;
}

ZC_COLD static void sample_socket(struct zc_channel *channel, int64_t now_ns)
{
	zc_meminfo(channel, ZC_MEMINFO_PERIODIC);
	zc_tcp_info(channel);
	channel->next_meminfo_ns = now_ns + channel->config.meminfo_interval_ns;
	channel->last_end_ns = 0;
}

static void record_send(struct zc_channel *channel, const struct zc_attempt *attempt, int64_t start_ns, ssize_t taken)
{
	struct zc_send_record *record = zc_record(channel->config.recorder, ZC_STREAM_SEND);
	int64_t end_ns;

	channel->last_end_ns = 0;
	if (!record)
		return;
	end_ns = zc_now_ns();
	channel->last_end_ns = end_ns;
	*record = (struct zc_send_record){
		.send_id = takes_id(channel, attempt, taken) ? channel->queued - 1 : UINT64_MAX,
		.start_ns = start_ns,
		.latency_ns = end_ns - start_ns,
		.asked_bytes = attempt->bytes,
		.taken_bytes = taken < 0 ? 0 : taken,
		.attempt_count = attempt->attempt_count,
		.enobufs_count = attempt->enobufs_count,
		.error = taken < 0 ? -taken : 0,
		.channel = channel->config.channel,
		.zerocopy = attempt->zerocopy,
		.copied_on_purpose = attempt->wanted_zerocopy && !attempt->zerocopy,
	};
	if (end_ns >= channel->next_meminfo_ns)
		sample_socket(channel, end_ns);
}

static int64_t start_of_write(const struct zc_channel *channel)
{
	if (!channel->config.recorder)
		return 0;
	return channel->is_tight && channel->last_end_ns ? channel->last_end_ns : zc_now_ns();
}

ssize_t zc_channel_writev(struct zc_channel *channel, const struct zc_part *parts, int part_count, bool zerocopy)
{
	struct zc_attempt attempt = { .zerocopy = zerocopy && channel->config.zerocopy };
	int64_t start_ns = start_of_write(channel);
	ssize_t taken = 0;

	if (part_count < 1 || part_count > ZC_MAX_PARTS)
		return -EINVAL;
	for (int i = 0; i < part_count; i++)
		attempt.bytes += parts[i].count;
	attempt.wanted_zerocopy = attempt.zerocopy;
	if (attempt.zerocopy && channel->config.policy->before_send)
		taken = channel->config.policy->before_send(channel, &attempt);
	if (channel->is_uncorked && taken >= 0)
		taken = zc_cork_again(channel);
	if (taken >= 0)
		taken = send_until_taken(channel, parts, part_count, &attempt);
	if (attempt.stall.end_ns)
		zc_record_stall(channel, &attempt);
	count_send(channel, &attempt, taken);
	record_send(channel, &attempt, start_ns, taken);
	return taken;
}

static int wait_writable(struct zc_channel *channel)
{
	int found = zc_wait(channel, ZC_WRITABLE, channel->deadline_ns);

	return found < 0 ? found : 0;
}

/* Drops the first `count` bytes and returns how many parts are left. */
static int skip_parts(struct zc_part *parts, int part_count, size_t count)
{
	int done = 0;

	while (done < part_count && count >= parts[done].count)
		count -= parts[done++].count;
	if (done < part_count) {
		memmove(parts, parts + done, (part_count - done) * sizeof(*parts));
		parts[0].bytes = (const uint8_t *)parts[0].bytes + count;
		parts[0].count -= count;
	}
	return part_count - done;
}

int zc_write_all(struct zc_channel *channel, struct zc_part *parts, int part_count, bool zerocopy)
{
	while (part_count > 0) {
		ssize_t taken = zc_must_end(channel);

		if (taken >= 0)
			taken = zc_channel_writev(channel, parts, part_count, zerocopy);
		if (taken == -EAGAIN) {
			taken = wait_writable(channel);
			channel->last_end_ns = 0;
		}
		if (taken < 0)
			return taken;
		part_count = skip_parts(parts, part_count, taken);
	}
	channel->result->write_count++;
	return 0;
}
