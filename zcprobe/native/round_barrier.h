/* Where the channels of a migration wait for each other at the end of a round. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct zc_round_barrier;

int zc_round_barrier_init(struct zc_round_barrier **barrier, uint32_t channel_count);
void zc_round_barrier_free(struct zc_round_barrier *barrier);
/* A channel ended: nobody waits for it, and the migration is over for all. */
void zc_round_barrier_leave(struct zc_round_barrier *barrier);
uint32_t zc_round_barrier_channel_count(const struct zc_round_barrier *barrier);
/* Waits for the other channels. Whether all are ready for the end (1 or 0), the same answer for each of them; -ECANCELED
 * when one of them has ended. */
int zc_round_barrier_wait(struct zc_round_barrier *barrier, bool is_ready);
