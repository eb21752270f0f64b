/* Moves the probes' events from the BPF ring buffer to a file, in batches, without a Python call each. */
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core.h"

enum { BATCH_BYTES = 1 << 18 };

struct zc_drain {
	struct ring_buffer *ring;
	pthread_t thread;
	atomic_bool stopping;
	int out_fd;
	uint32_t event_bytes;
	int64_t interval_ns;
	uint64_t events;
	uint64_t kept;
	uint64_t limit;	/* of them */
	int error;
	size_t filled;
	uint8_t batch[BATCH_BYTES];
};

static void write_batch(struct zc_drain *drain)
{
	size_t done = 0;

	while (!drain->error && done < drain->filled) {
		ssize_t written = write(drain->out_fd, drain->batch + done, drain->filled - done);

		if (written >= 0)
			done += written;
		else if (errno != EINTR)
			drain->error = -errno;
	}
	drain->filled = 0;
}

static int take_event(void *context, void *data, size_t bytes)
{
	struct zc_drain *drain = context;

	if (bytes < drain->event_bytes) {
		drain->error = -EPROTO;
		return 0;
	}
	drain->events++;
	if (drain->kept == drain->limit)
		return 0;
	if (drain->filled + drain->event_bytes > BATCH_BYTES)
		write_batch(drain);
	memcpy(drain->batch + drain->filled, data, drain->event_bytes);
	drain->filled += drain->event_bytes;
	drain->kept++;
	return 0;
}

static void *drain_events(void *argument)
{
	struct zc_drain *drain = argument;
	const struct timespec pause = { drain->interval_ns / 1000000000, drain->interval_ns % 1000000000 };

	/* the ring is mapped and the file is open: the thread that handles what comes from the kernel needs none */
	drain->error = zc_keep_capabilities(0);
	for (;;) {
		/* read before the pass, so that events submitted before the stop are in it */
		bool stopping = atomic_load(&drain->stopping);
		int status = ring_buffer__consume(drain->ring);

		if (status < 0 && !drain->error)
			drain->error = status;
		write_batch(drain);
		if (stopping)
			return NULL;
		nanosleep(&pause, NULL);
	}
}

struct zc_drain *zc_drain_start(int map_fd, int out_fd, uint32_t event_bytes, int64_t interval_ns, uint64_t limit_bytes)
{
	struct zc_drain *drain = calloc(1, sizeof(*drain));
	int error;

	if (!drain)
		return NULL;
	drain->out_fd = out_fd;
	drain->event_bytes = event_bytes;
	drain->limit = limit_bytes / event_bytes;
	drain->interval_ns = interval_ns;
	drain->ring = ring_buffer__new(map_fd, take_event, drain, NULL);
	if (!drain->ring) {
		error = errno ? errno : ENOMEM;
	} else {
		error = zc_start_thread(&drain->thread, drain_events, drain);
		if (error)
			ring_buffer__free(drain->ring);
	}
	if (!error)
		return drain;
	free(drain);
	errno = error;
	return NULL;
}

int zc_drain_stop(struct zc_drain *drain, uint64_t *event_count, uint64_t *kept_count)
{
	int error;

	/* every program that still took this run for its target has ended, and submitted, after this: they run under RCU */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		usleep(20000);
	atomic_store(&drain->stopping, true);
	pthread_join(drain->thread, NULL);
	ring_buffer__free(drain->ring);
	*event_count = drain->events;
	*kept_count = drain->kept;
	error = drain->error;
	free(drain);
	return error;
}
