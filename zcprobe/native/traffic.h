/* SPDX-License-Identifier: GPL-2.0-only */
/* One channel's writes, to their end. */
#pragma once
#include "decl/traffic.h"

struct zc_round_barrier;

/* 0 or a negative errno. `barrier`: where the channels of a migration wait for each other. */
int zc_run_traffic(struct zc_channel *channel, const struct zc_traffic *traffic, struct zc_round_barrier *barrier);
