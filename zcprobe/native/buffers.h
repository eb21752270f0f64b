/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a write takes its bytes from. */
#pragma once
#include <stdint.h>

#include "decl/traffic.h"

struct zc_buffers;

struct zc_buffers *zc_buffers_open(struct zc_channel *channel, enum zc_reuse reuse, uint32_t largest_write);
void zc_buffers_close(struct zc_buffers *buffers);
/* Bytes that carry the content of payload position `position`; NULL with errno. Give them back when they are written. */
const uint8_t *zc_buffers_take(struct zc_channel *channel, uint64_t position, uint32_t count);
void zc_buffers_give(struct zc_channel *channel);
