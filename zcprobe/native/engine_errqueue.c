// SPDX-License-Identifier: GPL-2.0-only
/* The engine of sendmsg(MSG_ZEROCOPY), whose notifications are entries of the socket's error queue. */
#include <time.h> /* linux/errqueue.h needs struct timespec */
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "channel.h"
#include "engine.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

_Static_assert(sizeof(struct zc_part) == sizeof(struct iovec), "parts go to sendmsg as they are");
_Static_assert(offsetof(struct zc_part, bytes) == offsetof(struct iovec, iov_base), "parts go to sendmsg as they are");
_Static_assert(offsetof(struct zc_part, count) == offsetof(struct iovec, iov_len), "parts go to sendmsg as they are");

/* Times, packet information and statistics that a socket may have asked for come before the message that is looked for. */
enum { CONTROL_BYTES = 1024 };

struct errqueue { /* of one channel */
	uint64_t entries_read;
	uint64_t entries_at_wake; /* when a wait last ended with POLLERR */
};

static int open_errqueue(struct zc_channel *channel)
{
	struct errqueue *errqueue = malloc(sizeof(*errqueue));

	if (!errqueue)
		return -ENOMEM;
	*errqueue = (struct errqueue){ .entries_at_wake = UINT64_MAX };
	channel->engine_state = errqueue;
	return 0;
}

static void close_errqueue(struct zc_channel *channel)
{
	free(channel->engine_state);
}

static ssize_t send_message(struct zc_channel *channel, const struct zc_part *parts, int part_count, bool zerocopy)
{
	struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = part_count };
	ssize_t taken = sendmsg(channel->config.fd, &message, MSG_NOSIGNAL | (zerocopy ? MSG_ZEROCOPY : 0));

	return taken < 0 ? -errno : taken;
}

static int fail_check(struct zc_channel *channel, enum zc_check check, int error)
{
	channel->result->error_check = check;
	return -error;
}

static bool is_errno(uint32_t error)
{
	return error > 0 && error < 4096; /* the kernel's MAX_ERRNO */
}

static bool is_passed_over(const struct zc_channel *channel, enum zc_check check,
			   const struct zc_notification *notification)
{
	return channel->config.foreign == ZC_FOREIGN_SKIP && (check == ZC_CHECK_ORIGIN || check == ZC_CHECK_ERRNO) &&
	       notification->origin != SO_EE_ORIGIN_ZEROCOPY;
}

static void count_foreign(struct zc_channel *channel, const struct zc_notification *notification)
{
	channel->result->foreign_count++;
	channel->result->foreign_origin = notification->origin;
	channel->result->foreign_error = notification->error;
}

/* Asks for the control message only: a timestamp or an ICMP error would bring its packet along. */
static int reap_entry(struct zc_channel *channel)
{
	struct errqueue *errqueue = channel->engine_state;
	char control[CONTROL_BYTES];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
	struct zc_notification notification;
	enum zc_check check;

	while (recvmsg(channel->config.fd, &message, MSG_ERRQUEUE) < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno != EINTR)
			return fail_check(channel, ZC_CHECK_READ, errno);
		message.msg_controllen = sizeof(control);
	}
	errqueue->entries_read++;
	check = zc_decode_notification(control, message.msg_controllen, &notification);
	if (check == ZC_CHECK_NONE && notification.count > channel->queued - channel->completed)
		check = ZC_CHECK_COUNT;
	if (is_passed_over(channel, check, &notification)) {
		count_foreign(channel, &notification);
		return 1;
	}
	if (check != ZC_CHECK_NONE)
		return fail_check(channel, check, is_errno(notification.error) ? notification.error : EPROTO);
	zc_complete(channel, &notification);
	return 1;
}

/* Whether POLLERR stands for the socket's own error: it is up again, although nothing was read since it was last up. On a
 * datagram socket it stays up without POLLHUP, and a sender that waits for notifications would spin. */
static bool is_pending_error(struct errqueue *errqueue, short events, short revents)
{
	bool is_idle = errqueue->entries_at_wake == errqueue->entries_read;

	if (!(revents & POLLERR) || events)
		return false;
	errqueue->entries_at_wake = errqueue->entries_read;
	return is_idle;
}

/* An entry of the error queue raises POLLERR, which poll reports without being asked. */
static short events_of(int wanted)
{
	return (wanted & ZC_WRITABLE ? POLLOUT : 0) | (wanted & ZC_READABLE ? POLLIN : 0);
}

static int readiness_of(short revents)
{
	return (revents & POLLERR ? ZC_COMPLETION : 0) | (revents & POLLOUT ? ZC_WRITABLE : 0) |
	       (revents & POLLIN ? ZC_READABLE : 0);
}

static int wait_for_event(struct zc_channel *channel, int wanted, int64_t left_ns)
{
	struct pollfd item = { .fd = channel->config.fd, .events = events_of(wanted) };
	int error = 0;
	socklen_t length = sizeof(error);

	if (poll(&item, 1, left_ns / 1000000 + 1) < 0)
		return -errno;
	if (!(item.revents & POLLHUP) && !is_pending_error(channel->engine_state, item.events, item.revents))
		return readiness_of(item.revents);
	/* a dead connection keeps POLLHUP up: return its error, or, once that was read, pause for late completions */
	if (!getsockopt(channel->config.fd, SOL_SOCKET, SO_ERROR, &error, &length) && error)
		return -error;
	if (item.revents & POLLHUP)
		poll(NULL, 0, 1);
	return readiness_of(item.revents);
}

const struct zc_engine zc_engine_errqueue = {
	.open = open_errqueue,
	.send = send_message,
	.reap = reap_entry,
	.wait = wait_for_event,
	.close = close_errqueue,
};
