/* SPDX-License-Identifier: GPL-2.0-only */
/* One channel's place in its traffic, and what every traffic model writes with. */
#pragma once
#include "channel.h"
#include "decl/content.h"
#include "decl/traffic.h"

struct zc_writer {
	struct zc_channel *channel;
	const struct zc_traffic *traffic;
	uint64_t random;
	uint64_t payload_position;
	struct zc_frame *frames; /* datagrams: a ring of headers that the kernel may still read */
	uint32_t frame_number;
	int64_t paced_from_ns; /* when the first byte would have gone at the rate asked for */
};

/* The next number of the traffic's own random sequence. */
uint64_t zc_next_random(struct zc_writer *writer);
/* Waits until everything sent so far would have gone at the rate asked for. */
ZC_COLD void zc_wait_for_turn(struct zc_writer *writer);
/* The header of the next payload. */
struct zc_frame zc_next_frame(struct zc_writer *writer, uint32_t payload_bytes);
/* Writes it, padded to header_bytes; 0 or a negative errno. */
int zc_write_header(struct zc_writer *writer, uint32_t payload_bytes);
