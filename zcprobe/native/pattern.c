// SPDX-License-Identifier: GPL-2.0-only
#include "decl/content.h"

static uint64_t mix(uint64_t x) /* splitmix64 */
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

void zc_pattern_fill(uint8_t *buffer, uint64_t bytes)
{
	for (uint64_t position = 0; position < bytes; position++) {
		uint64_t in_period = position % ZC_PATTERN_BYTES;

		buffer[position] = mix(in_period / 8) >> (in_period % 8 * 8);
	}
}
