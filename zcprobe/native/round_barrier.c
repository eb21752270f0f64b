// SPDX-License-Identifier: GPL-2.0-only
/* Where the channels of a migration wait for each other at the end of a round. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "round_barrier.h"

struct zc_round_barrier {
	pthread_mutex_t lock;
	pthread_cond_t all_here;
	uint32_t expected;
	uint32_t here;
	uint64_t number; /* of rounds that every channel has ended */
	uint32_t ready; /* channels here that could end within the downtime limit */
	bool are_all_ready; /* at the end of the last such round */
	bool has_left; /* a channel ended: the migration is over for all */
};

int zc_round_barrier_init(struct zc_round_barrier **barrier, uint32_t channel_count)
{
	*barrier = calloc(1, sizeof(**barrier));
	if (!*barrier)
		return -ENOMEM;
	pthread_mutex_init(&(*barrier)->lock, NULL);
	pthread_cond_init(&(*barrier)->all_here, NULL);
	(*barrier)->expected = channel_count;
	return 0;
}

void zc_round_barrier_free(struct zc_round_barrier *barrier)
{
	pthread_cond_destroy(&barrier->all_here);
	pthread_mutex_destroy(&barrier->lock);
	free(barrier);
}

void zc_round_barrier_leave(struct zc_round_barrier *barrier)
{
	pthread_mutex_lock(&barrier->lock);
	barrier->has_left = true;
	pthread_cond_broadcast(&barrier->all_here);
	pthread_mutex_unlock(&barrier->lock);
}

uint32_t zc_round_barrier_channel_count(const struct zc_round_barrier *barrier)
{
	return barrier->expected;
}

int zc_round_barrier_wait(struct zc_round_barrier *barrier, bool is_ready)
{
	uint64_t number;
	int status;

	pthread_mutex_lock(&barrier->lock);
	number = barrier->number;
	barrier->ready += is_ready;
	if (++barrier->here == barrier->expected) {
		barrier->are_all_ready = barrier->ready == barrier->expected;
		barrier->ready = 0;
		barrier->here = 0;
		barrier->number++;
		pthread_cond_broadcast(&barrier->all_here);
	}
	while (barrier->number == number && !barrier->has_left)
		pthread_cond_wait(&barrier->all_here, &barrier->lock);
	status = barrier->number == number ? -ECANCELED : barrier->are_all_ready;
	pthread_mutex_unlock(&barrier->lock);
	return status;
}
