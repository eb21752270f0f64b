// SPDX-License-Identifier: GPL-2.0-only
/* Migration traffic: QEMU's multifd shape. */
#include "buffers.h"
#include "migration.h"
#include "records.h"
#include "round_barrier.h"
#include "writer.h"

_Static_assert(ZC_MAX_PAGES_PER_PACKET <= ZC_MAX_PARTS, "the pages of a packet are one write");

/* Writes one packet: a header without zerocopy, then the pages that are not zero, each as a part of its own. */
static int write_packet(struct zc_writer *writer, struct zc_round_record *round, uint32_t page_count)
{
	const struct zc_traffic *traffic = writer->traffic;
	struct zc_part pages[ZC_MAX_PAGES_PER_PACKET];
	uint32_t normal = 0;
	const uint8_t *bytes;
	int status;

	for (uint32_t i = 0; i < page_count; i++)
		normal += zc_next_random(writer) % 100 >= traffic->zero_percent;
	if (traffic->pacing_bps)
		zc_wait_for_turn(writer);
	round->page_count += normal;
	round->zero_page_count += page_count - normal;
	status = zc_write_header(writer, normal * traffic->page_bytes);
	if (status < 0 || !normal)
		return status;
	bytes = zc_buffers_take(writer->channel, writer->payload_position, normal * traffic->page_bytes);
	if (!bytes)
		return -errno;
	for (uint32_t i = 0; i < normal; i++)
		pages[i] = (struct zc_part){ bytes + (size_t)i * traffic->page_bytes, traffic->page_bytes };
	status = zc_write_all(writer->channel, pages, normal, true);
	zc_buffers_give(writer->channel);
	writer->payload_position += (uint64_t)normal * traffic->page_bytes;
	return status;
}

static int write_round(struct zc_writer *writer, struct zc_round_record *round, uint64_t page_count)
{
	uint32_t per_packet = writer->traffic->pages_per_packet;
	uint64_t bytes_before = writer->channel->result->bytes_sent;
	int status = 0;

	round->start_ns = zc_now_ns();
	for (; page_count > 0 && status >= 0; page_count -= page_count < per_packet ? page_count : per_packet)
		status = write_packet(writer, round, page_count < per_packet ? page_count : per_packet);
	if (status >= 0)
		status = zc_uncork(writer->channel);
	if (status >= 0 && writer->channel->config.zerocopy)
		status = round->flush_result = zc_channel_flush(writer->channel);
	round->duration_ns = zc_now_ns() - round->start_ns;
	round->bytes = writer->channel->result->bytes_sent - bytes_before;
	return status;
}

/* This channel's share of the pages that the guest wrote meanwhile, at most its share of the guest. */
static uint64_t dirty_pages(const struct zc_writer *writer, int64_t duration_ns, uint32_t channel_count)
{
	const struct zc_traffic *traffic = writer->traffic;
	double dirty = traffic->dirty_bytes_per_s * (duration_ns * 1e-9);
	double bytes = dirty < traffic->guest_bytes ? dirty : traffic->guest_bytes;

	return bytes / channel_count / traffic->page_bytes;
}

/* Whether sending what the guest wrote meanwhile, at this round's pace, would fit into the downtime limit. */
static bool fits_downtime(const struct zc_writer *writer, const struct zc_round_record *round, uint32_t channel_count)
{
	uint64_t sent = (uint64_t)round->page_count + round->zero_page_count;
	uint64_t left = dirty_pages(writer, round->duration_ns, channel_count);

	return (double)round->duration_ns * left <= (double)writer->traffic->downtime_ns * sent;
}

static void record_round(struct zc_writer *writer, const struct zc_round_record *round)
{
	struct zc_round_record *record = zc_record(writer->channel->config.recorder, ZC_STREAM_ROUND);

	writer->channel->result->round_count++;
	if (record)
		*record = *round;
}

/* Sends the guest's memory, then in rounds what the guest wrote meanwhile, and flushes at the end of each round. The guest
 * stops once the rest, at the last round's pace, fits into the downtime limit. */
int zc_run_migration(struct zc_writer *writer, struct zc_round_barrier *barrier)
{
	const struct zc_traffic *traffic = writer->traffic;
	struct zc_result *result = writer->channel->result;
	uint32_t channel_count = zc_round_barrier_channel_count(barrier);
	uint64_t pages = traffic->guest_bytes / traffic->page_bytes / channel_count;
	bool is_final = false;

	for (uint32_t number = 0;; number++) {
		struct zc_round_record round = {
			.round = number,
			.channel = writer->channel->config.channel,
			.is_final = is_final,
		};
		int status = write_round(writer, &round, pages);

		record_round(writer, &round);
		if (status < 0)
			return status;
		if (is_final) {
			result->downtime_ns = round.duration_ns;
			return 0;
		}
		status = zc_round_barrier_wait(barrier, fits_downtime(writer, &round, channel_count));
		if (status < 0)
			return status;
		pages = dirty_pages(writer, zc_now_ns() - round.start_ns, channel_count);
		result->converged = status;
		is_final = result->converged || number + 2 >= traffic->max_rounds;
	}
}
