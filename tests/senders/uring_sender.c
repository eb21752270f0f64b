// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sender that uses io_uring instead of MSG_ZEROCOPY: ADDRESS PORT COUNT BYTES [MODE]. It makes COUNT sends of BYTES each
 * with IORING_OP_SEND_ZC, a few at a time, and asks whether the kernel copied. It starts when it has read a line, says what it
 * has done as a JSON object on a line, and ends when it has read another one.
 *
 * MODE: sendmsg, with IORING_OP_SENDMSG_ZC; silent, does not ask; sqpoll, a thread of the kernel takes the requests; late,
 * takes nothing off the completion queue before everything was sent and acknowledged, so that the queue overflows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef IORING_SEND_ZC_REPORT_USAGE /* since 6.2; liburing 2.3 does not know it */
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

#define MAX_OUTSTANDING 16

struct counts {
	unsigned long long requests, bytes, notifications, copied;
};

static bool is_sendmsg, is_silent, is_late;

static void fail(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerror(error));
	exit(1);
}

static void wait_for_line(void)
{
	char line[16];

	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

static int connect_to(const char *address, int port)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &peer.sin_addr) != 1)
		fail("socket", errno);
	if (connect(fd, (struct sockaddr *)&peer, sizeof(peer)))
		fail("connect", errno);
	return fd;
}

static void submit(struct io_uring *ring, int fd, const void *data, size_t length)
{
	struct io_uring_sqe *sqe;
	static struct msghdr message;
	static struct iovec vector;

	while (!(sqe = io_uring_get_sqe(ring))) /* the thread of the kernel has not taken the last ones yet */
		usleep(100);
	vector = (struct iovec){ (void *)data, length };
	message = (struct msghdr){ .msg_iov = &vector, .msg_iovlen = 1 };
	if (is_sendmsg)
		io_uring_prep_sendmsg_zc(sqe, fd, &message, MSG_WAITALL);
	else
		io_uring_prep_send_zc(sqe, fd, data, length, MSG_WAITALL, 0);
	sqe->ioprio = is_silent ? 0 : IORING_SEND_ZC_REPORT_USAGE;
	if (io_uring_submit(ring) < 1)
		fail("io_uring_submit", EIO);
}

/* Each request posts two entries: its result, and later a notification that the pages are no longer in use. */
static void reap(struct io_uring *ring, size_t length, struct counts *counts)
{
	struct io_uring_cqe *cqe;
	int error = io_uring_wait_cqe(ring, &cqe);

	if (error)
		fail("io_uring_wait_cqe", -error);
	if (cqe->flags & IORING_CQE_F_NOTIF) {
		counts->notifications++;
		counts->copied += !!(cqe->res & IORING_NOTIF_USAGE_ZC_COPIED);
	} else if (cqe->res != (int)length) {
		fail("send", cqe->res < 0 ? -cqe->res : EIO);
	} else {
		counts->bytes += length;
	}
	io_uring_cqe_seen(ring, cqe);
}

/* Until the other side has everything, and notifications had time to be posted. */
static void wait_until_acknowledged(int fd)
{
	int unsent = 1;

	while (unsent) {
		usleep(200000);
		if (ioctl(fd, SIOCOUTQ, &unsent))
			fail("SIOCOUTQ", errno);
	}
	usleep(500000);
}

int main(int argc, char **argv)
{
	struct counts counts = { 0 };
	struct io_uring ring;
	unsigned long long count;
	size_t length;
	char *data;
	int fd, error, flags = 0;

	if (argc != 5 && argc != 6)
		fail("usage: uring_sender ADDRESS PORT COUNT BYTES [MODE]", EINVAL);
	if (argc == 6) {
		is_sendmsg = !strcmp(argv[5], "sendmsg");
		is_silent = !strcmp(argv[5], "silent");
		is_late = !strcmp(argv[5], "late");
		flags = strcmp(argv[5], "sqpoll") ? 0 : IORING_SETUP_SQPOLL;
	}
	count = strtoull(argv[3], NULL, 10);
	length = strtoull(argv[4], NULL, 10);
	data = calloc(1, length);
	fd = connect_to(argv[1], atoi(argv[2]));
	error = io_uring_queue_init(4 * MAX_OUTSTANDING, &ring, flags);
	if (error)
		fail("io_uring_queue_init", -error);
	wait_for_line();
	while (counts.notifications < count) {
		if (counts.requests < count && (is_late || counts.requests - counts.notifications < MAX_OUTSTANDING)) {
			submit(&ring, fd, data, length);
			if (++counts.requests == count && is_late)
				wait_until_acknowledged(fd);
		} else {
			reap(&ring, length, &counts);
		}
	}
	printf("{\"requests\": %llu, \"bytes_sent\": %llu, \"notifications\": %llu, \"copied_true\": %llu, "
	       "\"cq_entries\": %u}\n",
	       counts.requests, counts.bytes, counts.notifications, counts.copied, ring.cq.ring_entries);
	fflush(stdout);
	wait_for_line();
	return 0;
}
