// SPDX-License-Identifier: GPL-2.0-only
/* The traffic models: what each channel writes, to its end. */
#include <stdlib.h>
#include <sys/socket.h>

#include "buffers.h"
#include "migration.h"
#include "records.h"
#include "round_barrier.h"
#include "traffic.h"
#include "writer.h"

enum { FRAME_SLOTS = 1 << 16 };

static uint32_t next_size(struct zc_writer *writer)
{
	const struct zc_traffic *traffic = writer->traffic;
	uint64_t total = 0, point;
	uint32_t i = 0;

	if (traffic->size_count == 1)
		return traffic->sizes[0];
	for (uint32_t k = 0; k < traffic->size_count; k++)
		total += traffic->weights[k];
	point = zc_next_random(writer) % total;
	while (point >= traffic->weights[i])
		point -= traffic->weights[i++];
	return traffic->sizes[i];
}

static bool is_over(struct zc_writer *writer, uint64_t done_count)
{
	const struct zc_traffic *traffic = writer->traffic;

	if (traffic->pacing_bps)
		zc_wait_for_turn(writer);
	if (traffic->duration_ns)
		return zc_now_ns() - writer->channel->result->start_ns >= traffic->duration_ns;
	return done_count >= traffic->write_count;
}

static int write_payload(struct zc_writer *writer, uint32_t count, bool zerocopy)
{
	const uint8_t *bytes = zc_buffers_take(writer->channel, writer->payload_position, count);
	struct zc_part part = { bytes, count };
	int status;

	if (!bytes)
		return -errno;
	status = zc_write_all(writer->channel, &part, 1, zerocopy);
	zc_buffers_give(writer->channel);
	writer->payload_position += count;
	return status;
}

/* A datagram is header and payload in one send. The ring of headers is so long that a header is used again only after more
 * sends than optmem can hold. */
static int write_datagram(struct zc_writer *writer, uint32_t count)
{
	struct zc_frame *frame = &writer->frames[writer->frame_number % FRAME_SLOTS];
	struct zc_part parts[2] = { { frame, sizeof(*frame) } };
	int status;

	*frame = zc_next_frame(writer, count - sizeof(*frame));
	frame->header_bytes = sizeof(*frame);
	parts[1].count = count - sizeof(*frame);
	parts[1].bytes = zc_buffers_take(writer->channel, writer->payload_position, parts[1].count);
	writer->payload_position += parts[1].count;
	if (!parts[1].bytes)
		return -errno;
	status = zc_write_all(writer->channel, parts, 2, count >= writer->traffic->copy_below_bytes);
	zc_buffers_give(writer->channel);
	return status;
}

/* stream, mixed: writes of one size or of a distribution; small ones are copied */
static int run_writes(struct zc_writer *writer)
{
	writer->channel->is_tight = writer->traffic->reuse == ZC_REUSE_NEVER && !writer->traffic->pacing_bps;
	for (uint64_t done = 0; !is_over(writer, done); done++) {
		uint32_t size = next_size(writer);
		int status = writer->frames ? write_datagram(writer, size) :
					      write_payload(writer, size, size >= writer->traffic->copy_below_bytes);

		if (status < 0)
			return status;
	}
	return 0;
}

static int read_response(struct zc_writer *writer)
{
	uint8_t response[ZC_RESPONSE_BYTES];
	size_t have = 0;
	int status = zc_uncork(writer->channel);

	if (status < 0)
		return status;
	while (have < sizeof(response)) {
		ssize_t count = recv(writer->channel->config.fd, response + have, sizeof(response) - have, 0);

		status = count < 0 ? -errno : count ? 0 : -ECONNRESET;

		if (status == -EAGAIN || status == -EINTR)
			status = zc_must_end(writer->channel);
		if (status < 0)
			return status;
		if (count > 0)
			have += count;
	}
	writer->channel->result->response_count++;
	return 0;
}

static void count_latency(struct zc_channel *channel, int64_t latency_ns)
{
	if (channel->config.request_latencies)
		channel->config.request_latencies[zc_latency_slot(latency_ns)]++;
	if (latency_ns > channel->result->request_max_ns)
		channel->result->request_max_ns = latency_ns;
}

static void record_request(struct zc_writer *writer, int64_t start_ns, uint32_t count, bool zerocopy)
{
	struct zc_request_record *record = zc_record(writer->channel->config.recorder, ZC_STREAM_REQUEST);
	int64_t latency_ns = zc_now_ns() - start_ns;

	count_latency(writer->channel, latency_ns);
	if (record)
		*record = (struct zc_request_record){
			.start_ns = start_ns,
			.latency_ns = latency_ns,
			.bytes = writer->traffic->header_bytes + count,
			.channel = writer->channel->config.channel,
			.zerocopy = zerocopy,
		};
}

/* rpc: a small header, a body, then the response */
static int run_requests(struct zc_writer *writer)
{
	for (uint64_t done = 0; !is_over(writer, done); done++) {
		uint32_t size = next_size(writer);
		bool zerocopy = size >= writer->traffic->copy_below_bytes;
		int64_t start_ns = zc_now_ns();
		int status = zc_write_header(writer, size);

		if (status >= 0)
			status = write_payload(writer, size, zerocopy);
		if (status >= 0)
			status = read_response(writer);
		if (status < 0)
			return status;
		record_request(writer, start_ns, size, zerocopy);
	}
	return 0;
}

int zc_run_traffic(struct zc_channel *channel, const struct zc_traffic *traffic, struct zc_round_barrier *barrier)
{
	struct zc_writer writer = {
		.channel = channel,
		.traffic = traffic,
		.random = (traffic->seed + channel->config.channel + 1) * 0x9e3779b97f4a7c15ULL,
		.paced_from_ns = channel->result->start_ns,
	};
	int status;

	if (channel->config.is_datagram) {
		writer.frames = calloc(FRAME_SLOTS, sizeof(*writer.frames));
		if (!writer.frames)
			return -ENOMEM;
	}
	if (traffic->model == ZC_MODEL_MIGRATION)
		status = zc_run_migration(&writer, barrier);
	else if (traffic->model == ZC_MODEL_RPC)
		status = run_requests(&writer);
	else
		status = run_writes(&writer);
	free(writer.frames);
	return status;
}
