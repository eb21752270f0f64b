/* The send loop: one channel, one policy, to its outcome. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "core.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

struct attempt {
	uint32_t attempt_count;
	uint32_t enobufs_count;
	int error;	/* errno of the last attempt */
	bool zerocopy;
};

/* The alarm rings from the deadline on, so the clock is read only after it. */
static int must_end(const struct zc_channel *channel)
{
	if (zc_stop_requested)
		return -EINTR;
	return zc_alarm_rang && zc_now_ns() >= channel->deadline_ns ? -ETIMEDOUT : 0;
}

/* What the failed attempt means: ZC_RETRY, ZC_DEAD or a negative errno. */
static int handle_error(struct zc_channel *channel, struct attempt *attempt)
{
	int status;

	switch (attempt->error) {
	case EINTR:
		status = must_end(channel);
		return status < 0 ? status : ZC_RETRY;
	case ENOBUFS:
		if (!attempt->zerocopy)
			return -ENOBUFS;
		attempt->enobufs_count++;
		channel->result->enobufs_count++;
		zc_meminfo(channel, ZC_MEMINFO_ENOBUFS);
		return channel->policy->on_enobufs(channel, attempt->enobufs_count);
	default:
		return -attempt->error;
	}
}

/* Bytes taken, or a negative errno; -ENOBUFS when the policy let the send fail for good. */
static ssize_t send_once(struct zc_channel *channel, const uint8_t *bytes, size_t count, struct attempt *attempt)
{
	int flags = MSG_NOSIGNAL | (attempt->zerocopy ? MSG_ZEROCOPY : 0);
	struct iovec part = { .iov_base = (void *)bytes, .iov_len = count };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	for (;;) {
		ssize_t taken = sendmsg(channel->config->fd, &message, flags);
		int verdict;

		attempt->attempt_count++;
		attempt->error = taken < 0 ? errno : 0;
		if (taken >= 0)
			return taken;
		verdict = handle_error(channel, attempt);
		if (verdict == ZC_DEAD)
			return -ENOBUFS;
		if (verdict < 0)
			return verdict;
	}
}

static void record_send(struct zc_channel *channel, const struct attempt *attempt, int64_t start_ns, size_t asked,
			ssize_t taken)
{
	struct zc_send_record *record = zc_record(channel->config->recorder, ZC_STREAM_SEND);
	int64_t end_ns;

	if (!record)
		return;
	end_ns = zc_now_ns();
	*record = (struct zc_send_record){
		.send_id = taken >= 0 && attempt->zerocopy ? channel->queued - 1 : UINT64_MAX,
		.start_ns = start_ns,
		.latency_ns = end_ns - start_ns,
		.asked_bytes = asked,
		.taken_bytes = taken < 0 ? 0 : taken,
		.attempt_count = attempt->attempt_count,
		.enobufs_count = attempt->enobufs_count,
		.error = taken < 0 ? -taken : 0,
		.channel = channel->config->channel,
		.zerocopy = attempt->zerocopy,
		.copied_on_purpose = channel->config->zerocopy && !attempt->zerocopy,
	};
	if (end_ns >= channel->next_meminfo_ns) {
		zc_meminfo(channel, ZC_MEMINFO_PERIODIC);
		channel->next_meminfo_ns = end_ns + channel->config->meminfo_interval_ns;
	}
}

/* The whole write, in as many sends as the socket takes it; 0 or a negative errno. */
static int write_all(struct zc_channel *channel, const uint8_t *bytes, size_t count)
{
	struct zc_result *result = channel->result;

	while (count > 0) {
		struct attempt attempt = { .zerocopy = channel->config->zerocopy };
		int64_t start_ns = channel->config->recorder ? zc_now_ns() : 0;
		ssize_t taken = must_end(channel);

		if (taken < 0)
			return taken;
		taken = send_once(channel, bytes, count, &attempt);
		if (taken >= 0) {
			result->bytes_sent += taken;
			if (attempt.zerocopy)
				result->send_count = ++channel->queued;
			else if (channel->config->zerocopy)
				result->copied_on_purpose_count++;
		}
		record_send(channel, &attempt, start_ns, count, taken);
		if (taken < 0)
			return taken;
		bytes += taken;
		count -= taken;
	}
	result->write_count++;
	return 0;
}

static bool is_over(const struct zc_channel *channel)
{
	const struct zc_config *config = channel->config;

	if (config->duration_ns)
		return zc_now_ns() - channel->result->start_ns >= config->duration_ns;
	return channel->result->write_count >= config->send_count;
}

/* Stream position p always carries pattern[p % ZC_PATTERN_BYTES], so no buffer is ever written again. */
static int write_until_over(struct zc_channel *channel, const uint8_t *pattern)
{
	while (!is_over(channel)) {
		int status = write_all(channel, pattern + channel->result->bytes_sent % ZC_PATTERN_BYTES,
				       channel->config->send_bytes);

		if (status < 0)
			return status;
	}
	if (!channel->config->zerocopy)
		return 0;
	return zc_flush(channel);
}

static enum zc_outcome outcome_of(int status)
{
	switch (status) {
	case -ENOBUFS:
		return ZC_OUTCOME_DEAD_ENOBUFS;
	case -ETIMEDOUT:
		return ZC_OUTCOME_DEAD_TIMEOUT;
	case -EINTR:
		return ZC_OUTCOME_INTERRUPTED;
	default:
		return status < 0 ? ZC_OUTCOME_DEAD_ERROR : ZC_OUTCOME_COMPLETED;
	}
}

/* Late completions belong to the account of the run, not to its outcome. */
static void settle(struct zc_channel *channel)
{
	if (channel->completed == channel->queued)
		return;
	channel->deadline_ns = zc_now_ns() + channel->config->settle_ns;
	zc_restore_signals();
	zc_catch_signals(channel->deadline_ns);
	zc_flush_internal(channel, true, ZC_TRIGGER_SETTLE);
}

static int64_t timeval_ns(struct timeval value)
{
	return value.tv_sec * 1000000000LL + value.tv_usec * 1000LL;
}

static void run_channel(struct zc_channel *channel, const uint8_t *pattern)
{
	struct zc_result *result = channel->result;
	struct rusage before, after;
	int status;

	getrusage(RUSAGE_THREAD, &before);
	zc_meminfo(channel, ZC_MEMINFO_BASELINE);
	result->start_ns = zc_now_ns();
	channel->deadline_ns = result->start_ns + channel->config->deadline_ns;
	zc_catch_signals(channel->deadline_ns);
	status = write_until_over(channel, pattern);
	result->end_ns = zc_now_ns();
	getrusage(RUSAGE_THREAD, &after);
	result->outcome = outcome_of(status);
	result->error = status < 0 ? -status : 0;
	result->cpu_user_ns = timeval_ns(after.ru_utime) - timeval_ns(before.ru_utime);
	result->cpu_system_ns = timeval_ns(after.ru_stime) - timeval_ns(before.ru_stime);
	settle(channel);
	zc_meminfo(channel, ZC_MEMINFO_END);
	zc_restore_signals();
}

int zc_sender_run(const struct zc_config *config, struct zc_result *result)
{
	size_t bytes = ZC_PATTERN_BYTES + (size_t)config->send_bytes;
	struct zc_channel channel = {
		.config = config,
		.policy = zc_policy_of(config->policy),
		.result = result,
	};
	uint8_t *pattern;

	if (!channel.policy || config->send_bytes == 0 || (!config->send_count && !config->duration_ns))
		return -EINVAL;
	memset(result, 0, sizeof(*result));
	channel.blocking = channel.policy->blocking;
	/* mmap: page-aligned, so a send of whole pages pins no page more than it needs */
	pattern = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pattern == MAP_FAILED)
		return -errno;
	zc_pattern_fill(pattern, bytes);
	run_channel(&channel, pattern);
	munmap(pattern, bytes);
	return 0;
}
