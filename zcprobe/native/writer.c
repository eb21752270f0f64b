// SPDX-License-Identifier: GPL-2.0-only
/* What every traffic model writes with. */
#include <string.h>
#include <time.h>

#include "writer.h"

enum { MOST_LATE_NS = 250000000 };

uint64_t zc_next_random(struct zc_writer *writer) /* xorshift64 */
{
	writer->random ^= writer->random << 13;
	writer->random ^= writer->random >> 7;
	writer->random ^= writer->random << 17;
	return writer->random;
}

/* SO_MAX_PACING_RATE works for TCP and with the fq qdisc only. Elsewhere the writer itself waits until everything sent so far
 * would have gone at the rate asked for, or until the run is over. A delay beyond MOST_LATE_NS is not made up for. */
void zc_wait_for_turn(struct zc_writer *writer)
{
	struct zc_channel *channel = writer->channel;
	const struct zc_traffic *traffic = writer->traffic;
	int64_t sent_ns = channel->result->bytes_sent * 8e9 / traffic->pacing_bps, now_ns = zc_now_ns();
	struct timespec until;

	if (writer->paced_from_ns + sent_ns < now_ns - MOST_LATE_NS)
		writer->paced_from_ns = now_ns - MOST_LATE_NS - sent_ns;
	sent_ns += writer->paced_from_ns;
	if (traffic->duration_ns && sent_ns > channel->result->start_ns + traffic->duration_ns)
		sent_ns = channel->result->start_ns + traffic->duration_ns;
	until = (struct timespec){ sent_ns / 1000000000, sent_ns % 1000000000 };
	while (sent_ns > now_ns && !zc_must_end(channel) &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

struct zc_frame zc_next_frame(struct zc_writer *writer, uint32_t payload_bytes)
{
	return (struct zc_frame){
		.magic = ZC_FRAME_MAGIC,
		.header_bytes = writer->traffic->header_bytes,
		.payload_position = writer->payload_position,
		.payload_bytes = payload_bytes,
		.number = writer->frame_number++,
	};
}

/* The header goes without zerocopy, so it may live on the stack. */
int zc_write_header(struct zc_writer *writer, uint32_t payload_bytes)
{
	uint8_t header[ZC_MAX_HEADER_BYTES];
	struct zc_frame frame = zc_next_frame(writer, payload_bytes);
	struct zc_part part = { header, writer->traffic->header_bytes };

	memset(header, 0, writer->traffic->header_bytes);
	memcpy(header, &frame, sizeof(frame));
	return zc_write_all(writer->channel, &part, 1, false);
}
