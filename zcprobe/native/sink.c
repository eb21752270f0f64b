// SPDX-License-Identifier: GPL-2.0-only
/* The receiver: counts, and compares every byte of payload with the one that was sent at its position. */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "core.h"
#include "decl/content.h"
#include "decl/sink.h"

/* QUIET_MS: the end of a run is announced on a connection of its own, and may overtake datagrams. The sink ends once none has
 * come for so long. */
enum { BUFFER_BYTES = 1 << 20, SLICE_NS = 10000000, QUIET_MS = 50, SEEN_BITS = 16, SEEN_SLOTS = 1 << SEEN_BITS };

/* the pattern once, followed by as much of it as a buffer holds; every stream reads it */
static uint8_t pattern[ZC_PATTERN_BYTES + BUFFER_BYTES];
static pthread_once_t pattern_is_filled = PTHREAD_ONCE_INIT;

static void fill_pattern(void)
{
	zc_pattern_fill(pattern, sizeof(pattern));
}

struct sink {
	const struct zc_sink_config *config;
	struct zc_sink_result *result;
	uint8_t *buffer;
	uint64_t payload_position;
	struct zc_frame frame; /* the frame being received */
	size_t header_have;
	uint64_t payload_left;
	bool has_stalled;
	bool has_lost_place; /* what should have been a header was not one: the rest is only counted */
	uint64_t *seen; /* datagrams: position + 1 of those that arrived, each in the slot of its hash */
};

static void note_mismatch(struct sink *sink, uint64_t position)
{
	if (sink->result->first_mismatch == UINT64_MAX)
		sink->result->first_mismatch = position;
}

/* `position` counts payload only; `stream_position`, which the report gives, counts headers too. */
static void compare(struct sink *sink, const uint8_t *bytes, size_t count, uint64_t position, uint64_t stream_position)
{
	const uint8_t *expected = pattern + position % ZC_PATTERN_BYTES;
	size_t i = 0;

	if (sink->result->first_mismatch != UINT64_MAX || !memcmp(bytes, expected, count))
		return;
	while (bytes[i] == expected[i])
		i++;
	note_mismatch(sink, stream_position + i);
}

static int respond(struct sink *sink)
{
	uint8_t response[ZC_RESPONSE_BYTES] = { 0 };

	memcpy(response, &sink->result->frame_count, sizeof(sink->result->frame_count));
	return send(sink->config->fd, response, sizeof(response), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int end_frame(struct sink *sink)
{
	sink->header_have = 0;
	sink->result->frame_count++;
	return sink->config->respond ? respond(sink) : 0;
}

/* Collects the header and returns how many bytes it used. `stream_position` is that of the first byte. */
static size_t take_header(struct sink *sink, const uint8_t *bytes, size_t count, uint64_t stream_position)
{
	size_t in_frame = sizeof(sink->frame), used = 0;

	while (used < count && sink->header_have < in_frame)
		((uint8_t *)&sink->frame)[sink->header_have++] = bytes[used++];
	if (sink->header_have < in_frame)
		return used;
	if (sink->frame.magic != ZC_FRAME_MAGIC || sink->frame.header_bytes < in_frame) {
		note_mismatch(sink, stream_position + used - in_frame);
		sink->has_lost_place = true;
		return count;
	}
	if (sink->header_have + (count - used) < sink->frame.header_bytes) {
		sink->header_have += count - used;
		return count;
	}
	used += sink->frame.header_bytes - sink->header_have;
	sink->header_have = sink->frame.header_bytes;
	sink->payload_left = sink->frame.payload_bytes;
	if (sink->frame.payload_position != sink->payload_position)
		note_mismatch(sink, stream_position + used);
	return used;
}

static bool is_in_header(const struct sink *sink)
{
	return sink->header_have < sizeof(sink->frame) || sink->header_have < sink->frame.header_bytes;
}

static int take_framed(struct sink *sink, const uint8_t *bytes, size_t count)
{
	size_t done = 0;

	while (done < count && !sink->has_lost_place) {
		size_t used;
		int status = 0;

		if (is_in_header(sink)) {
			used = take_header(sink, bytes + done, count - done, sink->result->bytes + done);
		} else {
			used = sink->payload_left < count - done ? sink->payload_left : count - done;
			compare(sink, bytes + done, used, sink->payload_position, sink->result->bytes + done);
			sink->payload_position += used;
			sink->payload_left -= used;
		}
		done += used;
		if (!sink->has_lost_place && !is_in_header(sink) && !sink->payload_left)
			status = end_frame(sink);
		if (status < 0)
			return status;
	}
	return 0;
}

/* Whether a datagram with that position arrived before; each that is sent has its own. A network repeats a datagram soon
 * after the original, long before another position is likely to have taken the slot. */
static bool is_repeated(struct sink *sink, uint64_t position)
{
	uint64_t *slot = &sink->seen[(position * 0x9e3779b97f4a7c15ULL) >> (64 - SEEN_BITS)];
	bool repeated = *slot == position + 1 && *slot; /* 0: the slot is free */

	*slot = position + 1;
	return repeated;
}

/* Datagrams may be lost, repeated or overtake each other, so each is compared at the position that it names. Returns whether
 * it is to be counted. */
static bool take_datagram(struct sink *sink, const uint8_t *bytes, size_t count)
{
	struct zc_frame frame;

	if (count < sizeof(frame)) {
		note_mismatch(sink, sink->result->bytes);
		return true;
	}
	memcpy(&frame, bytes, sizeof(frame));
	if (frame.magic != ZC_FRAME_MAGIC || frame.payload_bytes != count - sizeof(frame)) {
		note_mismatch(sink, sink->result->bytes);
		return true;
	}
	compare(sink, bytes + sizeof(frame), frame.payload_bytes, frame.payload_position, sink->result->bytes);
	if (!is_repeated(sink, frame.payload_position))
		return true;
	sink->result->duplicate_count++;
	return false;
}

static int take(struct sink *sink, size_t count)
{
	int status = 0;

	if (sink->config->is_datagram) {
		if (!sink->config->discard && !take_datagram(sink, sink->buffer, count))
			return 0;
		sink->result->frame_count++;
	} else if (sink->config->discard)
		;
	else if (sink->config->is_framed)
		status = take_framed(sink, sink->buffer, count);
	else
		compare(sink, sink->buffer, count, sink->result->bytes, sink->result->bytes);
	sink->result->bytes += count;
	return status;
}

static void pause_reading(struct sink *sink, int64_t left_ns)
{
	struct timespec left = { left_ns / 1000000000, left_ns % 1000000000 };

	sink->result->pause_ns += left_ns;
	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* Stalls once, and sleeps while it is ahead of the rate. Meanwhile datagrams fill the socket's buffer; those that find it
 * full are lost. */
static void wait_to_read(struct sink *sink)
{
	const struct zc_sink_config *config = sink->config;
	int64_t due_ns;

	if (config->stall_ns && !sink->has_stalled && sink->result->bytes >= config->stall_after_bytes) {
		sink->has_stalled = true;
		pause_reading(sink, config->stall_ns);
	}
	if (!config->read_bps || !sink->result->bytes)
		return;
	due_ns = sink->result->start_ns + (int64_t)(sink->result->bytes * 8e9 / config->read_bps);
	if (due_ns > zc_now_ns())
		pause_reading(sink, due_ns - zc_now_ns());
}

/* How many bytes to ask for now. A slow reader of a stream takes what its rate gives in a hundredth of a second. */
static size_t next_read_bytes(const struct sink *sink)
{
	uint64_t per_slice = sink->config->read_bps / 8 * SLICE_NS / 1000000000;

	if (sink->config->is_datagram || !sink->config->read_bps || !sink->result->bytes)
		return BUFFER_BYTES;
	return per_slice < 1 ? 1 : per_slice > BUFFER_BYTES ? BUFFER_BYTES : per_slice;
}

/* Waits for a datagram (1) or for the sender's end of the run (0). A negative errno when the wait fails. */
static int wait_for_datagram(const struct zc_sink_config *config)
{
	struct pollfd items[2] = { { config->fd, POLLIN, 0 }, { config->control_fd, POLLIN, 0 } };

	if (poll(items, 2, -1) < 0)
		return errno == EINTR ? 1 : -errno;
	if (items[0].revents || !items[1].revents)
		return 1;
	if (poll(items, 1, QUIET_MS) < 0)
		return errno == EINTR ? 1 : -errno;
	return items[0].revents != 0;
}

static int receive(struct sink *sink)
{
	int flags = sink->config->discard ? MSG_TRUNC : 0;

	for (;;) {
		ssize_t count;
		int status;

		wait_to_read(sink);
		status = sink->config->is_datagram ? wait_for_datagram(sink->config) : 1;
		if (status <= 0)
			return status;
		count = recv(sink->config->fd, sink->buffer, next_read_bytes(sink),
			     flags | (sink->config->is_datagram ? MSG_DONTWAIT : 0));
		if (count < 0 && (errno == EINTR || (errno == EAGAIN && sink->config->is_datagram)))
			continue;
		if (count < 0)
			return -errno;
		if (!count && !sink->config->is_datagram)
			return 0;
		if (!sink->result->bytes)
			sink->result->start_ns = zc_now_ns();
		status = take(sink, count);
		sink->result->end_ns = zc_now_ns();
		if (status < 0)
			return status;
	}
}

/* Both steps in one call: a thread that had to wait for the interpreter between them would come after the first sends. */
int zc_sink_answer(int fd, const void *line, size_t size)
{
	const int on = 1;
	ssize_t sent;

	do {
		sent = send(fd, line, size, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)); /* fails on vsock, which does not need it */
	return sent == (ssize_t)size ? 0 : -EAGAIN;
}

int zc_sink_run(const struct zc_sink_config *config, struct zc_sink_result *result)
{
	struct sink sink = { .config = config, .result = result };
	int status = -ENOMEM;

	*result = (struct zc_sink_result){ .first_mismatch = UINT64_MAX };
	sink.buffer = malloc(BUFFER_BYTES);
	sink.seen = config->is_datagram ? calloc(SEEN_SLOTS, sizeof(*sink.seen)) : NULL;
	if (sink.buffer && (sink.seen || !config->is_datagram)) {
		pthread_once(&pattern_is_filled, fill_pattern);
		status = receive(&sink);
	}
	free(sink.seen);
	free(sink.buffer);
	return status;
}
