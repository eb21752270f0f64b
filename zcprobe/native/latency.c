// SPDX-License-Identifier: GPL-2.0-only
/* Into which slot a latency falls: its leading bits, after the number of bits that were left out. */
#include "decl/latency.h"

enum { SLOT_BITS = 5, LARGEST_SHIFT = 63 - 1 - SLOT_BITS };

_Static_assert(ZC_LATENCY_SLOTS == (LARGEST_SHIFT + 2) << SLOT_BITS, "the largest int64_t has the last slot");

uint32_t zc_latency_slot(int64_t latency_ns)
{
	int shift = latency_ns >> SLOT_BITS ? 63 - __builtin_clzll(latency_ns) - SLOT_BITS : 0;

	return (shift << SLOT_BITS) + (uint32_t)(latency_ns >> shift);
}
