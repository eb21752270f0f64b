/* One socket with a policy: what a write means, and what each error of sendmsg means. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "core.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum { MAX_PARTS = 1024 };	/* the kernel's UIO_MAXIOV */

_Static_assert(sizeof(struct zc_part) == sizeof(struct iovec), "parts go to sendmsg as they are");
_Static_assert(offsetof(struct zc_part, bytes) == offsetof(struct iovec, iov_base), "parts go to sendmsg as they are");
_Static_assert(offsetof(struct zc_part, count) == offsetof(struct iovec, iov_len), "parts go to sendmsg as they are");

struct zc_channel *zc_channel_open(const struct zc_channel_config *config, struct zc_result *result)
{
	struct zc_channel *channel = config->policy ? calloc(1, sizeof(*channel)) : NULL;

	if (!channel) {
		errno = config->policy ? ENOMEM : EINVAL;
		return NULL;
	}
	memset(result, 0, sizeof(*result));
	channel->config = *config;
	channel->policy = config->policy;
	channel->result = result;
	channel->blocking = config->policy->blocking;
	channel->deadline_ns = zc_now_ns() + config->deadline_ns;
	channel->entries_at_wake = UINT64_MAX;
	zc_meminfo(channel, ZC_MEMINFO_BASELINE);
	return channel;
}

void zc_channel_close(struct zc_channel *channel)
{
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

int zc_look_at_signals(const struct zc_channel *channel)
{
	if (zc_stop_requested > channel->stops_ignored)
		return -EINTR;
	return zc_kicked && zc_now_ns() >= channel->deadline_ns ? -ETIMEDOUT : 0;
}

void zc_stall_begin(struct zc_channel *channel, struct zc_attempt *attempt)
{
	if (attempt->stall.start_ns)
		return;
	attempt->stall.start_ns = zc_now_ns();
	attempt->stall.completions = channel->result->completion_count;
	attempt->stall.notifications = channel->result->notification_count;
}

void zc_stall_end(struct zc_attempt *attempt, int result)
{
	attempt->stall.end_ns = zc_now_ns();
	attempt->stall.result = result;
}

ZC_COLD static void record_stall(struct zc_channel *channel, const struct zc_attempt *attempt)
{
	const struct zc_stall *stall = &attempt->stall;
	int64_t duration_ns = stall->end_ns - stall->start_ns;
	struct zc_result *result = channel->result;
	struct zc_stall_record *record;

	result->stall_count++;
	result->stall_ns += duration_ns;
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

/* A policy that gives up, or copies without having read or waited, has not stalled the write. */
static int answer_enobufs(struct zc_channel *channel, struct zc_attempt *attempt)
{
	uint32_t flushes = channel->flush_index;
	int verdict;

	attempt->enobufs_count++;
	channel->result->enobufs_count++;
	zc_meminfo(channel, ZC_MEMINFO_ENOBUFS);
	if (!attempt->zerocopy)
		return -ENOBUFS;	/* an ordinary error */
	zc_stall_begin(channel, attempt);
	verdict = channel->policy->on_enobufs(channel, attempt);
	if (verdict == ZC_RETRY || verdict < 0 || channel->flush_index != flushes)
		zc_stall_end(attempt, verdict < 0 ? verdict : 0);
	if (verdict == ZC_COPY)
		attempt->zerocopy = false;
	return verdict == ZC_DEAD ? -ENOBUFS : verdict;
}

/* What the failed attempt means: 0 or more to try again, or a negative errno. */
ZC_COLD static int handle_error(struct zc_channel *channel, struct zc_attempt *attempt)
{
	switch (attempt->error) {
	case EINTR:
		return zc_run_is_active ? zc_must_end(channel) : -EINTR;
	case EAGAIN:
		channel->result->eagain_count++;
		return -EAGAIN;
	case ENOBUFS:
		return answer_enobufs(channel, attempt);
	default:
		return -attempt->error;
	}
}

static ssize_t send_until_taken(struct zc_channel *channel, const struct msghdr *message, struct zc_attempt *attempt)
{
	for (;;) {
		int flags = MSG_NOSIGNAL | (attempt->zerocopy ? MSG_ZEROCOPY : 0);
		ssize_t taken = sendmsg(channel->config.fd, message, flags);
		int status;

		attempt->attempt_count++;
		attempt->error = taken < 0 ? errno : 0;
		if (taken >= 0)
			return taken;
		status = handle_error(channel, attempt);
		if (status < 0)
			return status;
	}
}

/* A call that sends nothing takes no id on a stream. An empty datagram is one all the same: it has a header. */
static bool takes_id(const struct zc_channel *channel, const struct zc_attempt *attempt, ssize_t taken)
{
	return attempt->zerocopy && (taken > 0 || (!taken && channel->config.is_datagram));
}

static void count_send(struct zc_channel *channel, const struct zc_attempt *attempt, ssize_t taken)
{
	struct zc_result *result = channel->result;

	if (taken < 0)
		return;
	result->bytes_sent += taken;
	if (attempt->zerocopy) {
		channel->queued += takes_id(channel, attempt, taken);
		result->send_count = channel->queued;
		return;
	}
	result->plain_count++;
	if (attempt->wanted_zerocopy)
		result->copied_on_purpose_count++;
}

ZC_COLD static void sample_meminfo(struct zc_channel *channel, int64_t now_ns)
{
	zc_meminfo(channel, ZC_MEMINFO_PERIODIC);
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
		sample_meminfo(channel, end_ns);
}

static int set_cork(struct zc_channel *channel, int enabled)
{
	return setsockopt(channel->config.fd, IPPROTO_TCP, TCP_CORK, &enabled, sizeof(enabled)) ? -errno : 0;
}

int zc_uncork(struct zc_channel *channel)
{
	if (!channel->config.is_corked || channel->is_uncorked)
		return 0;
	channel->is_uncorked = true;
	return set_cork(channel, false);
}

ZC_COLD static int cork_again(struct zc_channel *channel)
{
	channel->is_uncorked = false;
	return set_cork(channel, true);
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
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = part_count };
	int64_t start_ns = start_of_write(channel);
	ssize_t taken = 0;

	if (part_count < 1 || part_count > MAX_PARTS)
		return -EINVAL;
	for (int i = 0; i < part_count; i++)
		attempt.bytes += parts[i].count;
	attempt.wanted_zerocopy = attempt.zerocopy;
	if (attempt.zerocopy && channel->policy->before_send)
		taken = channel->policy->before_send(channel, &attempt);
	if (channel->is_uncorked && taken >= 0)
		taken = cork_again(channel);
	if (taken >= 0)
		taken = send_until_taken(channel, &message, &attempt);
	if (attempt.stall.end_ns)
		record_stall(channel, &attempt);
	count_send(channel, &attempt, taken);
	record_send(channel, &attempt, start_ns, taken);
	return taken;
}

static int wait_writable(struct zc_channel *channel)
{
	int events = zc_wait(channel, POLLOUT, channel->deadline_ns);

	return events < 0 ? events : 0;
}

/* Drops the first `count` bytes; the parts that are left. */
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
