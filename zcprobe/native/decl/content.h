/* Content: the byte at stream position p is pattern[p % ZC_PATTERN_BYTES]. */
#pragma once
#include <stdint.h>

/* 257 pages: sends of whole pages stay page-aligned, and a lost or repeated page shows. */
#define ZC_PATTERN_BYTES 1052672

void zc_pattern_fill(uint8_t *buffer, uint64_t bytes);

/* Before the payload of migration and rpc, and in every datagram. The rest of header_bytes is padding. */
struct zc_frame {
	uint32_t magic;		/* ZC_FRAME_MAGIC */
	uint32_t header_bytes;	/* this struct and the padding */
	uint64_t payload_position;	/* of all payload before it */
	uint32_t payload_bytes;
	uint32_t number;	/* of its channel, from 0, modulo 2^32: what chooses IPv6 datagrams for a hold, see packet_choice */
};

#define ZC_FRAME_MAGIC 0x7a637072
#define ZC_RESPONSE_BYTES 16
