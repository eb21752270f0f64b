// SPDX-License-Identifier: GPL-2.0-only
/* The least that a zerocopy sender must do: send one buffer repeatedly, then read every notification. */
#include <time.h>
#include <linux/errqueue.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>

static int read_notifications(int fd, uint64_t count)
{
	char control[128];

	while (count > 0) {
		struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };
		struct pollfd item = { .fd = fd };
		const struct sock_extended_err *error;

		if (recvmsg(fd, &message, MSG_ERRQUEUE) < 0) {
			if (errno != EAGAIN || poll(&item, 1, 20000) != 1)
				return -1;
			continue;
		}
		error = (const struct sock_extended_err *)CMSG_DATA(CMSG_FIRSTHDR(&message));
		count -= error->ee_data - error->ee_info + 1;
	}
	return 0;
}

/* Nanoseconds for `count` sends from a ring of `period` bytes and for reading their notifications; negative on error. */
int64_t bare_loop(int fd, const uint8_t *pattern, uint64_t period, uint32_t bytes, uint64_t count, int flags)
{
	struct timespec start, end;
	uint64_t position = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (uint64_t i = 0; i < count; i++, position = (position + bytes) % period) {
		struct iovec part = { (void *)(pattern + position), bytes };
		struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

		if (sendmsg(fd, &message, flags | MSG_NOSIGNAL) != (ssize_t)bytes)
			return -1;
	}
	if (flags && read_notifications(fd, count))
		return -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec - start.tv_nsec;
}
