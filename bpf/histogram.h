/* SPDX-License-Identifier: GPL-2.0-only */
/* histogram: counts and sums by size, in slots that double. */
#pragma once

#include "kernel_reads.h"

/* The slot of a number: from 2^slot on. The last one is open, and 0 is in the first. Halving what is left takes six
 * steps; a step for each slot would be a loop with a branch, whose paths the verifier cannot all walk. */
static __always_inline u32 slot_of(u64 number, u32 slots)
{
	u32 slot = 0;

#pragma unroll
	for (u32 bits = 32; bits; bits /= 2) {
		u32 step = (number >> bits != 0) * bits;

		number >>= step;
		slot += step;
	}
	return slot < slots ? slot : slots - 1;
}
