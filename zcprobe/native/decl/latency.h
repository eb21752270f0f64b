/* SPDX-License-Identifier: GPL-2.0-only */
/* Latencies of any number in bounded memory: a count for each of the slots into which the numbers are divided. */
#pragma once
#include <stdint.h>

/* Exact below 64 ns; above, 32 slots to each doubling, so that a slot is at most a 32nd of its value wide. */
#define ZC_LATENCY_SLOTS 1888

/* The slot of a latency, which is not negative. */
uint32_t zc_latency_slot(int64_t latency_ns);
