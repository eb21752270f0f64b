// SPDX-License-Identifier: GPL-2.0-only
/* Moves the probes' events from the BPF ring buffer to a file, in batches, without a Python call each. */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core.h"
#include "decl/event_reader.h"
#include "decl/process.h"

enum { BATCH_BYTES = 1 << 18 };

struct zc_event_reader {
	struct ring_buffer *ring;
	pthread_t thread;
	atomic_bool stopping;
	int out_fd;
	uint32_t event_bytes;
	int64_t interval_ns;
	uint64_t events;
	uint64_t kept;
	_Atomic uint64_t limit; /* of `kept` */
	uint64_t forgotten;
	int error;
	size_t filled;
	uint8_t batch[BATCH_BYTES];
};

static void write_batch(struct zc_event_reader *reader)
{
	size_t done = 0;

	while (!reader->error && done < reader->filled) {
		ssize_t written = write(reader->out_fd, reader->batch + done, reader->filled - done);

		if (written >= 0)
			done += written;
		else if (errno != EINTR)
			reader->error = -errno;
	}
	reader->filled = 0;
}

static int take_event(void *context, void *data, size_t bytes)
{
	struct zc_event_reader *reader = context;

	if (bytes < reader->event_bytes) {
		reader->error = -EPROTO;
		return 0;
	}
	reader->events++;
	if (reader->kept == atomic_load(&reader->limit))
		return 0;
	if (reader->filled + reader->event_bytes > BATCH_BYTES)
		write_batch(reader);
	memcpy(reader->batch + reader->filled, data, reader->event_bytes);
	reader->filled += reader->event_bytes;
	reader->kept++;
	return 0;
}

static void *read_events(void *argument)
{
	struct zc_event_reader *reader = argument;
	const struct timespec pause = { reader->interval_ns / 1000000000, reader->interval_ns % 1000000000 };

	/* The ring is mapped and the file is open, so the thread that handles the kernel's data needs no capability. */
	reader->error = zc_keep_capabilities(0);
	for (;;) {
		/* Read this before the pass, which then takes every event that was submitted before the stop. */
		bool stopping = atomic_load(&reader->stopping);
		int status = ring_buffer__consume(reader->ring);

		if (status < 0 && !reader->error)
			reader->error = status;
		write_batch(reader);
		if (stopping)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

struct zc_event_reader *zc_event_reader_start(int map_fd, int out_fd, uint32_t event_bytes, int64_t interval_ns,
					      uint64_t limit_bytes)
{
	struct zc_event_reader *reader = calloc(1, sizeof(*reader));
	int error;

	if (!reader)
		return NULL;
	reader->out_fd = out_fd;
	reader->event_bytes = event_bytes;
	reader->limit = limit_bytes / event_bytes;
	reader->interval_ns = interval_ns;
	reader->ring = ring_buffer__new(map_fd, take_event, reader, NULL);
	if (!reader->ring) {
		error = errno ? errno : ENOMEM;
	} else {
		error = zc_start_thread(&reader->thread, read_events, reader);
		if (error)
			ring_buffer__free(reader->ring);
	}
	if (!error)
		return reader;
	free(reader);
	errno = error;
	return NULL;
}

int zc_event_reader_forget(struct zc_event_reader *reader, uint64_t event_count)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

	reader->forgotten += event_count;
	if (fallocate(reader->out_fd, mode, 0, (off_t)(reader->forgotten * reader->event_bytes)))
		return -errno;
	atomic_fetch_add(&reader->limit, event_count);
	return 0;
}

int zc_event_reader_stop(struct zc_event_reader *reader, uint64_t *event_count, uint64_t *kept_count)
{
	int error;

	/* Programs run under RCU: after this every one that still took this run for its target has submitted its event. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(20000);
	atomic_store(&reader->stopping, true);
	pthread_join(reader->thread, NULL);
	ring_buffer__free(reader->ring);
	*event_count = reader->events;
	*kept_count = reader->kept;
	error = reader->error;
	free(reader);
	return error;
}
