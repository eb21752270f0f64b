/* The policies, by name, and what each can be told. */
#pragma once
#include <stdint.h>

struct zc_policy;	/* policy.c has them all */

const struct zc_policy *zc_find_policy(const char *name);	/* NULL when there is none of that name */
const char *zc_policy_name(uint32_t number);	/* of the one at that place, NULL past the last */

struct zc_policy_parameters {	/* policy.c says which policy reads which */
	int64_t wait_ns;	/* longest wait for room before this send is copied */
	uint32_t drain_every;	/* sends between two readings */
	uint32_t threshold_bytes;	/* smaller sends are copied */
	uint32_t max_in_flight;	/* more outstanding zerocopy sends are not begun */
	uint32_t reenable_after;	/* copied writes until zerocopy is tried again; 0: never */
	uint32_t resume_percent;	/* of the limit, that must be free before sending goes on */
	uint32_t watermark_percent;	/* of the limit, from which on reading begins */
	uint8_t copy_above;	/* above the watermark: 1 copy, 0 wait */
	uint8_t flush_once;	/* writes carry the FLUSH_ONCE flag */
	uint8_t off_on_copied;	/* a COPIED completion turns zerocopy off */
};
