/* SPDX-License-Identifier: GPL-2.0-only */
/* What a socket says of its memory. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "decl/records.h"

struct zc_channel;

/* Records a sample: the level of optmem in bytes, 0 where there is no SO_MEMINFO (before 4.12). */
uint32_t zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason);
/* Whether `percent` of optmem_max is free now. */
bool zc_has_free(struct zc_channel *channel, uint32_t percent);
/* Whether optmem can be above `percent` of the limit if every outstanding send is charged on its own. */
bool zc_may_exceed(const struct zc_channel *channel, uint32_t percent);
