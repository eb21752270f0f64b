// SPDX-License-Identifier: GPL-2.0-only
/* Makes one IORING_OP_SEND_ZC by raw system calls, which leaves an skb with io_uring's own uarg on the write queue. */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Keeps the ring open, so that the request's notification stays outstanding. The ring's descriptor, or -errno. */
int send_by_io_uring(int fd, const void *bytes, uint32_t count)
{
	struct io_uring_params parameters;
	struct io_uring_sqe *entries;
	uint8_t *ring;
	int ring_fd;

	memset(&parameters, 0, sizeof(parameters));
	ring_fd = syscall(SYS_io_uring_setup, 4, &parameters);
	if (ring_fd < 0)
		return -errno;
	ring = mmap(NULL, parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQ_RING);
	entries = mmap(NULL, parameters.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, ring_fd, IORING_OFF_SQES);
	if (ring == MAP_FAILED || entries == MAP_FAILED)
		return -ENOMEM;
	memset(entries, 0, sizeof(*entries));
	entries->opcode = IORING_OP_SEND_ZC;
	entries->fd = fd;
	entries->addr = (uintptr_t)bytes;
	entries->len = count;
	*(uint32_t *)(ring + parameters.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(ring + parameters.sq_off.tail), 1, __ATOMIC_RELEASE);
	/* the first completion says that the bytes were accepted; the second, which says that they are no longer read, comes later */
	if (syscall(SYS_io_uring_enter, ring_fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	return ring_fd;
}
