/* Reading notifications from the socket error queue, and what the socket says of its memory. */
#include <time.h>	/* linux/errqueue.h needs struct timespec */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "core.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum { MEMINFO_WMEM_ALLOC = 2, MEMINFO_WMEM_QUEUED = 5, MEMINFO_OPTMEM = 6, MEMINFO_VARS = 9 };	/* SK_MEMINFO_* */

void zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason)
{
	struct zc_result *result = channel->result;
	struct zc_meminfo_record *record;
	uint32_t values[MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(values);

	if (getsockopt(channel->config->fd, SOL_SOCKET, SO_MEMINFO, values, &length))
		return;	/* before 4.12 there is none: the table stays empty */
	if (reason == ZC_MEMINFO_BASELINE)
		result->optmem_baseline_bytes = values[MEMINFO_OPTMEM];
	if (values[MEMINFO_OPTMEM] > result->optmem_peak_bytes)
		result->optmem_peak_bytes = values[MEMINFO_OPTMEM];
	record = zc_record(channel->config->recorder, ZC_STREAM_MEMINFO);
	if (!record)
		return;
	*record = (struct zc_meminfo_record){
		.time_ns = zc_now_ns(),
		.in_flight = channel->queued - channel->completed,
		.optmem_bytes = values[MEMINFO_OPTMEM],
		.wmem_queued_bytes = values[MEMINFO_WMEM_QUEUED],
		.wmem_alloc_bytes = values[MEMINFO_WMEM_ALLOC],
		.channel = channel->config->channel,
		.reason = reason,
	};
}

/* The 64-bit id whose low half is `id`: ids read are at most 2^31 behind or ahead of the number completed. */
static uint64_t widen(uint64_t near, uint32_t id)
{
	return near + (int64_t)(int32_t)(id - (uint32_t)near);
}

static const struct sock_extended_err *find_extended_err(struct msghdr *message)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(message);

	if (!cmsg)
		return NULL;
	if (!(cmsg->cmsg_level == SOL_IP && cmsg->cmsg_type == IP_RECVERR) &&
	    !(cmsg->cmsg_level == SOL_IPV6 && cmsg->cmsg_type == IPV6_RECVERR))
		return NULL;
	return (const struct sock_extended_err *)CMSG_DATA(cmsg);
}

static int fail_check(struct zc_channel *channel, enum zc_check check, int error)
{
	channel->result->error_check = check;
	return -error;
}

static void accept_notification(struct zc_channel *channel, const struct sock_extended_err *error)
{
	struct zc_result *result = channel->result;
	bool copied = error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	uint64_t count = (uint64_t)(error->ee_data - error->ee_info) + 1;
	struct zc_notification_record *record = zc_record(channel->config->recorder, ZC_STREAM_NOTIFICATION);

	if (record) {
		uint64_t lo = widen(channel->completed, error->ee_info);

		*record = (struct zc_notification_record){
			.time_ns = zc_now_ns(),
			.lo = lo,
			.hi = lo + count - 1,
			.flush_index = channel->flush_index,
			.channel = channel->config->channel,
			.copied = copied,
			.origin = error->ee_origin,
		};
	}
	channel->completed += count;
	if (copied) {
		channel->copied_in_flush = true;
		result->copied_completion_count += count;
	} else {
		channel->zerocopied_in_flush = true;
		channel->zerocopied_since_flush = true;
	}
	result->notification_count++;
	result->completion_count += count;
}

/* One notification: 1 read, 0 nothing there now, else a negative errno with the failed check in the result. */
static int read_notification(struct zc_channel *channel)
{
	char control[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6))];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	const struct sock_extended_err *error;

	while (recvmsg(channel->config->fd, &message, MSG_ERRQUEUE) < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return fail_check(channel, ZC_CHECK_READ, errno);
		message.msg_controllen = sizeof(control);
	}
	error = find_extended_err(&message);
	if (!error)
		return fail_check(channel, ZC_CHECK_CMSG, EPROTO);
	if (error->ee_errno)
		return fail_check(channel, ZC_CHECK_ERRNO, error->ee_errno);
	if (error->ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		return fail_check(channel, ZC_CHECK_ORIGIN, EPROTO);
	if (error->ee_data - error->ee_info > INT32_MAX)	/* modulo 2^32: a merged range may cross the wrap */
		return fail_check(channel, ZC_CHECK_BOUNDS, EPROTO);
	accept_notification(channel, error);
	return 1;
}

/* Waits for POLLERR, which is what error-queue data raises: never POLLIN. 0, or a negative errno. */
static int wait_for_notification(struct zc_channel *channel)
{
	struct pollfd item = { .fd = channel->config->fd };
	int64_t left_ns = channel->deadline_ns - zc_now_ns();
	int error = 0;
	socklen_t length = sizeof(error);

	if (zc_stop_requested)
		return -EINTR;
	if (left_ns <= 0)
		return -ETIMEDOUT;
	if (poll(&item, 1, left_ns / 1000000 + 1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (!(item.revents & POLLHUP))
		return 0;
	/* a dead connection keeps POLLHUP up: its error, or when that was given before, a pause for late completions */
	if (!getsockopt(channel->config->fd, SOL_SOCKET, SO_ERROR, &error, &length) && error)
		return -error;
	poll(NULL, 0, 1);
	return 0;
}

static int read_until_done(struct zc_channel *channel, bool block, uint32_t *wait_count)
{
	while (channel->completed < channel->queued) {
		int status = read_notification(channel);

		if (status < 0)
			return status;
		if (status > 0)
			continue;
		if (!block)
			return 0;
		++*wait_count;
		status = wait_for_notification(channel);
		if (status < 0)
			return status;
	}
	return 0;
}

/* Reads notifications while sends are outstanding; without block, until there is none now. 0 or a negative errno. */
int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger)
{
	struct zc_result *result = channel->result;
	uint64_t completions = result->completion_count, notifications = result->notification_count;
	int64_t start_ns = zc_now_ns(), duration_ns;
	uint32_t wait_count = 0;
	struct zc_flush_record *record;
	int status = read_until_done(channel, block, &wait_count);

	duration_ns = zc_now_ns() - start_ns;
	if (trigger == ZC_TRIGGER_ENOBUFS) {
		result->stall_count++;
		result->stall_ns += duration_ns;
	}
	record = zc_record(channel->config->recorder, ZC_STREAM_FLUSH);
	if (record)
		*record = (struct zc_flush_record){
			.start_ns = start_ns,
			.duration_ns = duration_ns,
			.completion_count = result->completion_count - completions,
			.notification_count = result->notification_count - notifications,
			.wait_count = wait_count,
			.result = status,
			.channel = channel->config->channel,
			.trigger = trigger,
			.blocking = block,
		};
	channel->flush_index++;
	if (record)
		zc_meminfo(channel, ZC_MEMINFO_FLUSHED);
	return status;
}

static int flush_result(const struct zc_channel *channel)
{
	switch (channel->config->flush_variant) {
	case ZC_FLUSH_STICKY:
		return channel->zerocopied_since_flush ? 0 : 1;
	case ZC_FLUSH_ANY_COPIED:
		return channel->copied_in_flush ? 1 : 0;
	default:
		return channel->copied_in_flush && !channel->zerocopied_in_flush ? 1 : 0;
	}
}

/* The explicit flush: waits for all; 0 or 1 as the channel's flush variant defines it, or a negative errno. */
int zc_flush(struct zc_channel *channel)
{
	int status;

	channel->copied_in_flush = false;
	channel->zerocopied_in_flush = false;
	status = zc_flush_internal(channel, true, ZC_TRIGGER_EXPLICIT);
	if (status < 0)
		return status;
	status = flush_result(channel);
	channel->zerocopied_since_flush = false;
	channel->result->missed_zero_copy_count += status;
	return status;
}
