/* SPDX-License-Identifier: GPL-2.0-only */
/* The receiver. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct zc_sink_config {
	int fd;   /* connected stream, or bound datagram socket */
	int control_fd;  /* datagrams: end of stream here ends the run; else -1 */
	uint8_t is_framed;
	uint8_t is_datagram;
	uint8_t respond; /* to each frame, with ZC_RESPONSE_BYTES */
	uint8_t discard; /* MSG_TRUNC: count without looking */
	uint64_t read_bps; /* slow reader: bits per second; 0: as fast as it goes */
	uint64_t stall_after_bytes; /* stalled reader: stop after so many bytes, once */
	int64_t stall_ns; /* for that long */
};

struct zc_sink_result {
	uint64_t bytes;  /* a repeated datagram counts once, unless content is discarded */
	uint64_t frame_count; /* or datagrams */
	uint64_t duplicate_count; /* datagrams that had arrived before */
	uint64_t first_mismatch; /* stream position, UINT64_MAX when intact */
	int64_t start_ns;
	int64_t end_ns;
	int64_t pause_ns; /* how long the rate or the stall kept it from reading */
};

/* Receives until the end of the stream and compares with the pattern. 0 or a negative errno. */
int zc_sink_run(const struct zc_sink_config *config, struct zc_sink_result *result);
/* Sends a line on a blocking connection and has what comes next acknowledged at once. The kernel takes a socket that answers
 * for interactive and acknowledges up to 40 ms late, which the first sends of a stream would wait for. 0 or a negative
 * errno. */
int zc_sink_answer(int fd, const void *line, size_t size);
