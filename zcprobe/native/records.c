// SPDX-License-Identifier: GPL-2.0-only
/* Record streams: the sender fills chunks, and a writer thread empties them into files.
 *
 * There is one producer and one consumer. `produced` and `consumed` count chunks, and only their owner writes them. A stream
 * takes the memory of chunk_count chunks, however long the run is; a record that finds no free chunk is counted as lost. The
 * chunk that was emptied last is filled next, because the CPU's caches still hold it. The files together hold at most
 * limit_bytes and two chunks of each stream: later records are counted, but not kept.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "records.h"

static const size_t record_bytes[ZC_STREAM_COUNT] = {
	[ZC_STREAM_SEND] = sizeof(struct zc_send_record),
	[ZC_STREAM_NOTIFICATION] = sizeof(struct zc_notification_record),
	[ZC_STREAM_FLUSH] = sizeof(struct zc_flush_record),
	[ZC_STREAM_MEMINFO] = sizeof(struct zc_meminfo_record),
	[ZC_STREAM_ROUND] = sizeof(struct zc_round_record),
	[ZC_STREAM_REQUEST] = sizeof(struct zc_request_record),
	[ZC_STREAM_STALL] = sizeof(struct zc_stall_record),
	[ZC_STREAM_TCP_INFO] = sizeof(struct zc_tcp_info_record),
};

_Static_assert(ZC_STREAM_COUNT == 8, "a new stream needs the size of its records above");

struct stream {
	int fd;
	uint8_t *chunks;
	size_t record_bytes;
	uint32_t *places; /* chunk n is at places[n % chunk_count] of `chunks` */
	uint32_t *free_places; /* a stack; only the producer touches it and what follows */
	uint32_t free_count;
	uint64_t reclaimed; /* consumed chunks whose places are free or in use again */
	uint64_t lost;
	uint64_t kept; /* only the consumer touches this, `has_ended` and what the recorder has written */
	bool has_ended;
	_Atomic uint64_t produced;
	_Atomic uint64_t consumed;
};

struct zc_recorder {
	struct zc_cursor cursors[ZC_STREAM_COUNT];
	struct stream streams[ZC_STREAM_COUNT];
	uint32_t chunk_records;
	uint32_t chunk_count;
	uint64_t limit_bytes;
	uint64_t written_bytes;
	bool is_full;
	pthread_t writer;
	atomic_bool closing;
	int error;
};

_Static_assert(offsetof(struct zc_recorder, cursors) == 0, "zc_record() takes a recorder for an array of cursors");

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t written = write(fd, bytes, count);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		bytes += written;
		count -= written;
	}
	return 0;
}

static uint8_t *chunk_at(const struct zc_recorder *recorder, const struct stream *stream, uint64_t number)
{
	size_t place = stream->places[number % recorder->chunk_count];

	return stream->chunks + place * recorder->chunk_records * stream->record_bytes;
}

static void point_at_chunk(struct zc_recorder *recorder, enum zc_stream_index index, uint64_t number)
{
	struct zc_cursor *cursor = &recorder->cursors[index];

	cursor->next = chunk_at(recorder, &recorder->streams[index], number);
	cursor->end = cursor->next + recorder->chunk_records * cursor->record_bytes;
}

/* Once a chunk does not fit, each stream ends with the chunk that was being filled then, so that all end together. */
static void keep_chunk(struct zc_recorder *recorder, struct stream *stream, const uint8_t *chunk)
{
	size_t bytes = recorder->chunk_records * stream->record_bytes;

	if (stream->has_ended)
		return;
	recorder->is_full |= recorder->written_bytes + bytes > recorder->limit_bytes;
	stream->has_ended = recorder->is_full;
	recorder->error = write_all(stream->fd, chunk, bytes);
	recorder->written_bytes += bytes;
	stream->kept += recorder->chunk_records;
}

static bool write_ready_chunks(struct zc_recorder *recorder, struct stream *stream)
{
	uint64_t consumed = atomic_load_explicit(&stream->consumed, memory_order_relaxed);
	uint64_t produced = atomic_load_explicit(&stream->produced, memory_order_acquire);

	if (consumed == produced)
		return false;
	for (; consumed < produced; consumed++) {
		if (!recorder->error)
			keep_chunk(recorder, stream, chunk_at(recorder, stream, consumed));
		atomic_store_explicit(&stream->consumed, consumed + 1, memory_order_release);
	}
	return true;
}

static void *write_chunks(void *argument)
{
	/* The chunks last 0.2 s at a million records a second. Waking up more often would take the CPU from the sender. */
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct zc_recorder *recorder = argument;

	for (;;) {
		/* Read this before the pass, which then sees every chunk that was handed over before closing. */
		bool closing = atomic_load(&recorder->closing), busy = false;

		for (int i = 0; i < ZC_STREAM_COUNT; i++)
			busy |= write_ready_chunks(recorder, &recorder->streams[i]);
		if (closing)
			return NULL;
		if (!busy)
			nanosleep(&pause, NULL);
	}
}

static void free_recorder(struct zc_recorder *recorder)
{
	for (int i = 0; i < ZC_STREAM_COUNT; i++) {
		free(recorder->streams[i].chunks);
		free(recorder->streams[i].places);
		free(recorder->streams[i].free_places);
	}
	free(recorder);
}

static bool allocate_stream(struct stream *stream, uint32_t chunk_records, uint32_t chunk_count)
{
	stream->chunks = calloc((size_t)chunk_records * chunk_count, stream->record_bytes);
	stream->places = calloc(chunk_count, sizeof(*stream->places));
	stream->free_places = calloc(chunk_count, sizeof(*stream->free_places));
	if (!stream->chunks || !stream->places || !stream->free_places)
		return false;
	while (stream->free_count < chunk_count - 1) { /* chunk 0 is at place 0 */
		stream->free_places[stream->free_count] = chunk_count - 1 - stream->free_count;
		stream->free_count++;
	}
	return true;
}

struct zc_recorder *zc_recorder_open(const int *fds, uint32_t chunk_records, uint32_t chunk_count, uint64_t limit_bytes)
{
	struct zc_recorder *recorder = calloc(1, sizeof(*recorder));
	int error = 0;

	if (!recorder)
		return NULL;
	recorder->chunk_records = chunk_records;
	recorder->chunk_count = chunk_count;
	recorder->limit_bytes = limit_bytes;
	for (int i = 0; i < ZC_STREAM_COUNT; i++) {
		struct stream *stream = &recorder->streams[i];

		stream->fd = fds[i];
		stream->record_bytes = record_bytes[i];
		recorder->cursors[i].record_bytes = record_bytes[i];
		if (allocate_stream(stream, chunk_records, chunk_count))
			point_at_chunk(recorder, i, 0);
		else
			error = ENOMEM;
	}
	if (!error)
		error = zc_start_thread(&recorder->writer, write_chunks, recorder);
	if (error) {
		free_recorder(recorder);
		errno = error;
		return NULL;
	}
	return recorder;
}

/* Hands over the full chunk and begins the next one. False when no chunk is free. */
static bool begin_next_chunk(struct zc_recorder *recorder, enum zc_stream_index index)
{
	struct stream *stream = &recorder->streams[index];
	uint64_t produced = atomic_load_explicit(&stream->produced, memory_order_relaxed);
	uint64_t consumed = atomic_load_explicit(&stream->consumed, memory_order_acquire);

	for (; stream->reclaimed < consumed; stream->reclaimed++)
		stream->free_places[stream->free_count++] = stream->places[stream->reclaimed % recorder->chunk_count];
	if (!stream->free_count)
		return false;
	stream->places[(produced + 1) % recorder->chunk_count] = stream->free_places[--stream->free_count];
	point_at_chunk(recorder, index, produced + 1);
	atomic_store_explicit(&stream->produced, produced + 1, memory_order_release);
	return true;
}

void *zc_record_in_next_chunk(struct zc_recorder *recorder, enum zc_stream_index index)
{
	if (begin_next_chunk(recorder, index))
		return zc_record(recorder, index);
	recorder->streams[index].lost++;
	return NULL;
}

void zc_recorder_sync(struct zc_recorder *recorder)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (int i = 0; i < ZC_STREAM_COUNT; i++) {
		struct stream *stream = &recorder->streams[i];

		while (recorder->cursors[i].next == recorder->cursors[i].end && !begin_next_chunk(recorder, i))
			nanosleep(&pause, NULL);
		while (atomic_load(&stream->consumed) < atomic_load(&stream->produced))
			nanosleep(&pause, NULL);
	}
}

int zc_recorder_close(struct zc_recorder *recorder, uint64_t *lost_count, uint64_t *record_count, uint64_t *kept_count)
{
	int error;

	atomic_store(&recorder->closing, true);
	pthread_join(recorder->writer, NULL);
	error = recorder->error;
	for (int i = 0; i < ZC_STREAM_COUNT; i++) {
		struct stream *stream = &recorder->streams[i];
		uint64_t last = atomic_load(&stream->produced);
		const uint8_t *chunk = chunk_at(recorder, stream, last);
		size_t filled = recorder->cursors[i].next - chunk;
		bool is_whole = stream->kept == last * recorder->chunk_records;

		if (!error && is_whole) /* records after a gap are of no use */
			error = write_all(stream->fd, chunk, filled);
		lost_count[i] = stream->lost;
		record_count[i] = last * recorder->chunk_records + filled / stream->record_bytes;
		kept_count[i] = is_whole ? record_count[i] : stream->kept;
	}
	free_recorder(recorder);
	return error;
}
