/* SPDX-License-Identifier: GPL-2.0-only */
/* Content: the byte at stream position p is pattern[p % ZC_PATTERN_BYTES]. */
#pragma once
#include <stdint.h>

/* 257 pages: sends of whole pages stay page-aligned, and a lost or repeated page shows. */
#define ZC_PATTERN_BYTES 1052672

void zc_pattern_fill(uint8_t *buffer, uint64_t bytes);

/* Begins every header of migration and rpc, and every datagram. The rest of header_bytes is padding. */
struct zc_frame {
	uint32_t magic;  /* ZC_FRAME_MAGIC */
	uint32_t header_bytes; /* this struct and the padding */
	uint64_t payload_position; /* how much payload came before it */
	uint32_t payload_bytes;
	uint32_t number; /* counts the frames of its channel, modulo 2^32; packet_choice() goes by it for IPv6 */
};

#define ZC_FRAME_MAGIC 0x7a637072
#define ZC_RESPONSE_BYTES 16
