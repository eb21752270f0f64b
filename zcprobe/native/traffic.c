/* The traffic models: what each channel writes, to its end. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "core.h"

enum { MAX_PAGES = 255, MAX_HEADER_BYTES = 65536, FRAME_SLOTS = 1 << 16, MOST_LATE_NS = 250000000 };

struct writer {	/* one channel's place in its traffic */
	struct zc_channel *channel;
	const struct zc_traffic *traffic;
	uint64_t random;
	uint64_t payload_position;
	struct zc_frame *frames;	/* datagrams: headers that the kernel may still read, one a slot */
	uint32_t frame_number;
	int64_t paced_from_ns;	/* when the first byte would have gone at the rate asked for */
};

static uint64_t next_random(struct writer *writer)	/* xorshift64 */
{
	writer->random ^= writer->random << 13;
	writer->random ^= writer->random >> 7;
	writer->random ^= writer->random << 17;
	return writer->random;
}

static uint32_t next_size(struct writer *writer)
{
	const struct zc_traffic *traffic = writer->traffic;
	uint64_t total = 0, point;
	uint32_t i = 0;

	if (traffic->size_count == 1)
		return traffic->sizes[0];
	for (uint32_t k = 0; k < traffic->size_count; k++)
		total += traffic->weights[k];
	point = next_random(writer) % total;
	while (point >= traffic->weights[i])
		point -= traffic->weights[i++];
	return traffic->sizes[i];
}

/* SO_MAX_PACING_RATE is for TCP and for the fq qdisc: elsewhere the writer itself waits until all that it has sent has gone
 * at the rate asked for, or until the run is over. Who was held up longer than MOST_LATE_NS does not make up for it. */
ZC_COLD static void wait_for_turn(struct writer *writer)
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

static bool is_over(struct writer *writer, uint64_t done_count)
{
	const struct zc_traffic *traffic = writer->traffic;

	if (traffic->pacing_bps)
		wait_for_turn(writer);
	if (traffic->duration_ns)
		return zc_now_ns() - writer->channel->result->start_ns >= traffic->duration_ns;
	return done_count >= traffic->write_count;
}

static struct zc_frame frame_of(struct writer *writer, uint32_t payload_bytes)
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
static int write_header(struct writer *writer, uint32_t payload_bytes)
{
	uint8_t header[MAX_HEADER_BYTES];
	struct zc_frame frame = frame_of(writer, payload_bytes);
	struct zc_part part = { header, writer->traffic->header_bytes };

	memset(header, 0, writer->traffic->header_bytes);
	memcpy(header, &frame, sizeof(frame));
	return zc_write_all(writer->channel, &part, 1, false);
}

static int write_payload(struct writer *writer, uint32_t count, bool zerocopy)
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

/* A datagram is header and payload in one send. Its header lies in a ring long enough that its turn comes again only
 * after more sends than optmem can hold. */
static int write_datagram(struct writer *writer, uint32_t count)
{
	struct zc_frame *frame = &writer->frames[writer->frame_number % FRAME_SLOTS];
	struct zc_part parts[2] = { { frame, sizeof(*frame) } };
	int status;

	*frame = frame_of(writer, count - sizeof(*frame));
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

/* stream, mixed: writes of one size or of a distribution, small ones copied */
static int run_writes(struct writer *writer)
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

static int read_response(struct writer *writer)
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

static void record_request(struct writer *writer, int64_t start_ns, uint32_t count, bool zerocopy)
{
	struct zc_request_record *record = zc_record(writer->channel->config.recorder, ZC_STREAM_REQUEST);

	if (record)
		*record = (struct zc_request_record){
			.start_ns = start_ns,
			.latency_ns = zc_now_ns() - start_ns,
			.bytes = writer->traffic->header_bytes + count,
			.channel = writer->channel->config.channel,
			.zerocopy = zerocopy,
		};
}

/* rpc: a small header, a body, then the response */
static int run_requests(struct writer *writer)
{
	for (uint64_t done = 0; !is_over(writer, done); done++) {
		uint32_t size = next_size(writer);
		bool zerocopy = size >= writer->traffic->copy_below_bytes;
		int64_t start_ns = zc_now_ns();
		int status = write_header(writer, size);

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

/* ---- migration ---- */

struct zc_meeting {
	pthread_mutex_t lock;
	pthread_cond_t all_here;
	uint32_t expected;
	uint32_t here;
	uint64_t number;	/* meetings held */
	uint32_t ready;	/* of those here, that could end within the downtime limit */
	bool are_all_ready;	/* at the last meeting held */
	bool has_left;	/* a channel ended: the migration is over for all */
};

int zc_meeting_init(struct zc_meeting **meeting, uint32_t channel_count)
{
	*meeting = calloc(1, sizeof(**meeting));
	if (!*meeting)
		return -ENOMEM;
	pthread_mutex_init(&(*meeting)->lock, NULL);
	pthread_cond_init(&(*meeting)->all_here, NULL);
	(*meeting)->expected = channel_count;
	return 0;
}

void zc_meeting_free(struct zc_meeting *meeting)
{
	pthread_cond_destroy(&meeting->all_here);
	pthread_mutex_destroy(&meeting->lock);
	free(meeting);
}

void zc_meeting_leave(struct zc_meeting *meeting)
{
	pthread_mutex_lock(&meeting->lock);
	meeting->has_left = true;
	pthread_cond_broadcast(&meeting->all_here);
	pthread_mutex_unlock(&meeting->lock);
}

/* Waits for the other channels: whether all are ready for the end (1 or 0), which they must answer alike;
 * -ECANCELED when one of them has ended. */
static int meet(struct zc_meeting *meeting, bool is_ready)
{
	uint64_t number;
	int status;

	pthread_mutex_lock(&meeting->lock);
	number = meeting->number;
	meeting->ready += is_ready;
	if (++meeting->here == meeting->expected) {
		meeting->are_all_ready = meeting->ready == meeting->expected;
		meeting->ready = 0;
		meeting->here = 0;
		meeting->number++;
		pthread_cond_broadcast(&meeting->all_here);
	}
	while (meeting->number == number && !meeting->has_left)
		pthread_cond_wait(&meeting->all_here, &meeting->lock);
	status = meeting->number == number ? -ECANCELED : meeting->are_all_ready;
	pthread_mutex_unlock(&meeting->lock);
	return status;
}

/* One packet: a header without zerocopy, then those of its pages that are not zero, each a part of its own. */
static int write_packet(struct writer *writer, struct zc_round_record *round, uint32_t page_count)
{
	const struct zc_traffic *traffic = writer->traffic;
	struct zc_part pages[MAX_PAGES];
	uint32_t normal = 0;
	const uint8_t *bytes;
	int status;

	for (uint32_t i = 0; i < page_count; i++)
		normal += next_random(writer) % 100 >= traffic->zero_percent;
	if (traffic->pacing_bps)
		wait_for_turn(writer);
	round->page_count += normal;
	round->zero_page_count += page_count - normal;
	status = write_header(writer, normal * traffic->page_bytes);
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

static int write_round(struct writer *writer, struct zc_round_record *round, uint64_t page_count)
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

/* This channel's share of what the guest wrote meanwhile: never more than its share of the guest. */
static uint64_t dirty_pages(const struct writer *writer, int64_t duration_ns, uint32_t channel_count)
{
	const struct zc_traffic *traffic = writer->traffic;
	double dirty = traffic->dirty_bytes_per_s * (duration_ns * 1e-9);
	double bytes = dirty < traffic->guest_bytes ? dirty : traffic->guest_bytes;

	return bytes / channel_count / traffic->page_bytes;
}

/* Whether what the guest wrote meanwhile would take no longer than the downtime limit, at this round's pace. */
static bool fits_downtime(const struct writer *writer, const struct zc_round_record *round, uint32_t channel_count)
{
	uint64_t sent = (uint64_t)round->page_count + round->zero_page_count;
	uint64_t left = dirty_pages(writer, round->duration_ns, channel_count);

	return (double)round->duration_ns * left <= (double)writer->traffic->downtime_ns * sent;
}

static void record_round(struct writer *writer, const struct zc_round_record *round)
{
	struct zc_round_record *record = zc_record(writer->channel->config.recorder, ZC_STREAM_ROUND);

	writer->channel->result->round_count++;
	if (record)
		*record = *round;
}

/* migration: the guest's memory, then rounds of what it wrote meanwhile, every channel flushed at the end of each; the
 * guest stops once what is left would take no longer than the downtime limit at the last round's pace. */
static int run_migration(struct writer *writer, struct zc_meeting *meeting)
{
	const struct zc_traffic *traffic = writer->traffic;
	struct zc_result *result = writer->channel->result;
	uint32_t channel_count = meeting->expected;
	uint64_t pages = traffic->guest_bytes / traffic->page_bytes / channel_count;
	bool is_final = false;

	for (uint32_t number = 0; ; number++) {
		struct zc_round_record round = { .round = number, .channel = writer->channel->config.channel, .is_final = is_final };
		int status = write_round(writer, &round, pages);

		record_round(writer, &round);
		if (status < 0)
			return status;
		if (is_final) {
			result->downtime_ns = round.duration_ns;
			return 0;
		}
		status = meet(meeting, fits_downtime(writer, &round, channel_count));
		if (status < 0)
			return status;
		pages = dirty_pages(writer, zc_now_ns() - round.start_ns, channel_count);
		result->converged = status;
		is_final = result->converged || number + 2 >= traffic->max_rounds;
	}
}

int zc_run_traffic(struct zc_channel *channel, const struct zc_traffic *traffic, struct zc_meeting *meeting)
{
	struct writer writer = {
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
		status = run_migration(&writer, meeting);
	else if (traffic->model == ZC_MODEL_RPC)
		status = run_requests(&writer);
	else
		status = run_writes(&writer);
	free(writer.frames);
	return status;
}
