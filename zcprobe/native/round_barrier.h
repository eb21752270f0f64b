/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the channels of a migration wait for each other at the end of a round. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct zc_round_barrier;

int zc_round_barrier_init(struct zc_round_barrier **barrier, uint32_t channel_count);
void zc_round_barrier_free(struct zc_round_barrier *barrier);
/* Call it when a channel has ended: the migration is then over for all, and nobody waits any more. */
void zc_round_barrier_leave(struct zc_round_barrier *barrier);
uint32_t zc_round_barrier_channel_count(const struct zc_round_barrier *barrier);
/* Waits for the other channels. Returns 1 when all are ready for the end and 0 when not, the same to every channel;
 * -ECANCELED when one of them has ended. */
int zc_round_barrier_wait(struct zc_round_barrier *barrier, bool is_ready);
