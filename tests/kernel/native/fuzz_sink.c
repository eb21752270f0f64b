// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer's target: feeds a sink a sender's stream in pieces of any size, and compares with the whole.
 *
 * The first byte chooses framed stream, plain stream or datagrams; the second, how it is cut; the rest is what arrives.
 */
#include "sink.c"

#include <stdio.h>

static uint64_t found[5]; /* streams that were intact, framed, out of place; datagrams taken, repeated */

static void tell(void)
{
	for (int kind = 0; kind < 5; kind++)
		fprintf(stderr, "check %d: %llu\n", kind, (unsigned long long)found[kind]);
}

static void demand(int is_so)
{
	if (!is_so)
		abort();
}

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
	fill_pattern();
	return atexit(tell);
}

static size_t next_piece(uint8_t cut, size_t turn, size_t left)
{
	size_t piece = 1 + (cut < 128 ? cut : cut * (turn + 1) * 7 % 61);

	return cut == 255 || piece > left ? left : piece;
}

static bool is_as_sent(const uint8_t *bytes, size_t count, uint64_t position, size_t *wrong)
{
	for (size_t i = 0; i < count; i++)
		if (bytes[i] != pattern[(position % ZC_PATTERN_BYTES + i) % ZC_PATTERN_BYTES]) {
			*wrong = i;
			return false;
		}
	return true;
}

/* The whole stream at once: frames, and the first position that is not as sent. */
static void read_frames(const uint8_t *bytes, size_t size, uint64_t *frames, uint64_t *mismatch)
{
	uint64_t payload = 0;
	size_t at = 0, wrong;
	struct zc_frame frame;

	*frames = 0;
	*mismatch = UINT64_MAX;
	while (size - at >= sizeof(frame)) {
		size_t have;

		memcpy(&frame, bytes + at, sizeof(frame));
		if (frame.magic != ZC_FRAME_MAGIC || frame.header_bytes < sizeof(frame)) {
			if (*mismatch == UINT64_MAX)
				*mismatch = at;
			return;
		}
		if (size - at < frame.header_bytes)
			return;
		at += frame.header_bytes;
		if (frame.payload_position != payload && *mismatch == UINT64_MAX)
			*mismatch = at;
		have = frame.payload_bytes < size - at ? frame.payload_bytes : size - at;
		if (!is_as_sent(bytes + at, have, payload, &wrong) && *mismatch == UINT64_MAX)
			*mismatch = at + wrong;
		at += have;
		payload += have;
		if (have < frame.payload_bytes)
			return;
		++*frames;
	}
}

static void feed(struct sink *sink, uint8_t cut, const uint8_t *data, size_t size)
{
	for (size_t turn = 0, at = 0; at < size; turn++) {
		size_t piece = next_piece(cut, turn, size - at);

		sink->buffer = malloc(piece); /* exact size: reading one byte beyond is seen */
		memcpy(sink->buffer, data + at, piece);
		demand(take(sink, piece) == 0);
		free(sink->buffer);
		at += piece;
	}
}

static void check_stream(const struct sink *sink, const uint8_t *data, size_t size)
{
	uint64_t frames = 0, mismatch = UINT64_MAX;
	size_t wrong;

	if (sink->config->is_framed)
		read_frames(data, size, &frames, &mismatch);
	else if (!is_as_sent(data, size, 0, &wrong))
		mismatch = wrong;
	demand(sink->result->bytes == size);
	demand(sink->result->frame_count == frames);
	demand(sink->result->first_mismatch == mismatch);
	found[0] += mismatch == UINT64_MAX;
	found[1] += frames > 1;
	found[2] += sink->has_lost_place;
}

/* The position in the datagram of `size` bytes, if the datagram may count as a repeated one. */
static bool names_position(const uint8_t *bytes, size_t size, uint64_t *position)
{
	struct zc_frame frame;

	if (size < sizeof(frame))
		return false;
	memcpy(&frame, bytes, sizeof(frame));
	*position = frame.payload_position;
	return frame.magic == ZC_FRAME_MAGIC && frame.payload_bytes == size - sizeof(frame);
}

/* Number of datagrams that carry the position of an earlier one. */
static size_t count_repeats(uint8_t cut, const uint8_t *data, size_t size, size_t *datagrams)
{
	uint64_t positions[512], position;
	size_t repeats = 0, count = 0, named = 0;

	for (size_t at = 0, piece; at < size; at += piece, count++) {
		piece = next_piece(cut, count, size - at);
		if (!names_position(data + at, piece, &position))
			continue;
		for (size_t i = 0; i < named; i++)
			if (positions[i] == position) {
				repeats++;
				break;
			}
		positions[named++] = position;
	}
	*datagrams = count;
	return repeats;
}

static void check_datagrams(const struct sink *sink, uint8_t cut, const uint8_t *data, size_t size)
{
	size_t datagrams, repeats = count_repeats(cut, data, size, &datagrams);

	demand(sink->result->duplicate_count <= repeats); /* a repetition may be missed, but never invented */
	demand(sink->result->frame_count + sink->result->duplicate_count == datagrams);
	demand(sink->result->bytes <= size);
	demand(sink->result->duplicate_count ? sink->result->bytes < size : sink->result->bytes == size);
	found[3] += sink->result->first_mismatch == UINT64_MAX && datagrams;
	found[4] += sink->result->duplicate_count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t seen[SEEN_SLOTS];
	struct zc_sink_config config = { .fd = -1 };
	struct zc_sink_result result = { .first_mismatch = UINT64_MAX };
	struct sink sink = { .config = &config, .result = &result, .seen = seen };

	if (size < 2)
		return 0;
	config.is_datagram = data[0] % 3 == 2;
	config.is_framed = data[0] % 3 == 1;
	feed(&sink, data[1], data + 2, size - 2);
	if (!config.is_datagram) {
		check_stream(&sink, data + 2, size - 2);
		return 0;
	}
	check_datagrams(&sink, data[1], data + 2, size - 2);
	memset(seen, 0, sizeof(seen));
	return 0;
}
