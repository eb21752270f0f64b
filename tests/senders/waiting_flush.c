// SPDX-License-Identifier: GPL-2.0-only
/*
 * A library to preload into QEMU: a read of an error queue that is empty waits for POLLERR and reads again. QEMU reads
 * that queue in its flushes only, which then behave as if the channel's field `blocking` were true.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	static ssize_t (*real_recvmsg)(int, struct msghdr *, int);
	struct pollfd waits_for_error = { .fd = fd };
	struct msghdr before = *message;
	ssize_t length;

	if (!real_recvmsg)
		*(void **)&real_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	while ((length = real_recvmsg(fd, message, flags)) < 0 && errno == EAGAIN && flags & MSG_ERRQUEUE) {
		poll(&waits_for_error, 1, -1);
		*message = before;
	}
	return length;
}
