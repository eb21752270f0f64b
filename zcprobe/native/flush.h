/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading notifications, with an account of each reading. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "decl/records.h"

struct zc_channel;

/* Reads notifications while sends are outstanding; without `block`, until there is none now. 0 or a negative errno. */
int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger);
/* Reads and waits until at most half of the outstanding sends are left. 0 or a negative errno. */
int zc_flush_half(struct zc_channel *channel, enum zc_flush_trigger trigger);
/* Reads and waits until `percent` of optmem_max is free (1), or the deadline has come (0), or a negative errno. */
int zc_flush_until_free(struct zc_channel *channel, uint32_t percent, int64_t deadline_ns,
			enum zc_flush_trigger trigger);
