/* SPDX-License-Identifier: GPL-2.0-only */
/* The policies, by name, and what each can be told. */
#pragma once
#include <stdint.h>

struct zc_policy; /* policy.c has them all */

const struct zc_policy *zc_find_policy(const char *name); /* NULL when there is none of that name */
const char *zc_policy_name(uint32_t number); /* in the order of the table, NULL past its end */

struct zc_policy_parameters { /* policy.c says which policy reads which */
	int64_t wait_ns; /* longest wait for room; after it the send is copied */
	uint32_t drain_every; /* sends between two readings */
	uint32_t threshold_bytes; /* smaller sends are copied */
	uint32_t max_in_flight; /* at most so many zerocopy sends are outstanding */
	uint32_t reenable_after; /* copied writes until zerocopy is tried again; 0: never */
	uint32_t resume_percent; /* share of the limit that must be free before sending goes on */
	uint32_t watermark_percent; /* share of the limit above which reading begins */
	uint8_t copy_above; /* above the watermark: 1 copies, 0 waits */
	uint8_t flush_once; /* writes carry the FLUSH_ONCE flag */
	uint8_t off_on_copied; /* a COPIED completion turns zerocopy off */
};
