// SPDX-License-Identifier: GPL-2.0-only
/* A run: every channel sends in a thread of its own, and the calling thread watches them. */
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "buffers.h"
#include "channel.h"
#include "flush.h"
#include "meminfo.h"
#include "round_barrier.h"
#include "tcp_info.h"
#include "traffic.h"

struct run;

struct runner { /* one channel's thread */
	struct run *run;
	struct zc_channel *channel;
	pthread_t thread;
	bool is_started;
	uint64_t moved;  /* for the watching thread: what the channel had done when it last moved, */
	int64_t moved_at_ns; /* and when that was */
};

struct run {
	const struct zc_traffic *traffic;
	struct zc_round_barrier *barrier;
	struct runner *runners;
	uint32_t count;
	pthread_mutex_t lock;
	pthread_cond_t one_ended;
	uint32_t ended_count;
	int64_t began_ns;
	int64_t looked_at_ns; /* when the watching thread last looked for movement, usually every 50 ms */
};

static enum zc_outcome outcome_of(int status)
{
	switch (status) {
	case -ENOBUFS:
		return ZC_OUTCOME_DEAD_ENOBUFS;
	case -ETIMEDOUT:
		return ZC_OUTCOME_DEAD_TIMEOUT;
	case -EINTR:
	case -ECANCELED: /* another channel of the migration ended */
		return ZC_OUTCOME_INTERRUPTED;
	default:
		return status < 0 ? ZC_OUTCOME_DEAD_ERROR : ZC_OUTCOME_COMPLETED;
	}
}

/* Reads late completions, which belong to the account of the run but not to its outcome. A second request to stop ends the
 * wait. */
static void settle(struct zc_channel *channel)
{
	if (channel->completed == channel->queued || channel->state.hung_up)
		return;
	channel->stops_ignored = 1;
	channel->config.wait_for = ZC_WAIT_FOR_ERROR;
	channel->deadline_ns = zc_now_ns() + (channel->result->idle ? 0 : channel->config.settle_ns);
	zc_flush_internal(channel, true, ZC_TRIGGER_SETTLE);
}

static int64_t timeval_ns(struct timeval value)
{
	return value.tv_sec * 1000000000LL + value.tv_usec * 1000LL;
}

static int pin(int32_t cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* Whether the thread can still run on that CPU alone: the kernel moves it when the CPU or its cpuset goes. */
static bool is_pinned(int32_t cpu)
{
	cpu_set_t set;

	return cpu < 0 || (!sched_getaffinity(0, sizeof(set), &set) && CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
}

static void run_channel(struct runner *runner)
{
	struct zc_channel *channel = runner->channel;
	struct zc_result *result = channel->result;
	struct rusage before, after;
	int status = pin(channel->config.cpu);

	/* The kernel looks up a file without atomic operations when no other thread shares the table. Failure does no harm. */
	unshare(CLONE_FILES);
	getrusage(RUSAGE_THREAD, &before);
	ZC_PUBLISH(result->start_ns, zc_now_ns());
	channel->deadline_ns = result->start_ns + channel->config.deadline_ns;
	if (!status)
		status = zc_run_traffic(channel, runner->run->traffic, runner->run->barrier);
	if (status >= 0)
		status = zc_uncork(channel);
	/* A migration has flushed at the end of each round. One more flush would count one more missed zero copy. */
	if (status >= 0 && channel->config.zerocopy && runner->run->traffic->model != ZC_MODEL_MIGRATION)
		status = zc_channel_flush(channel);
	ZC_PUBLISH(result->end_ns, zc_now_ns());
	getrusage(RUSAGE_THREAD, &after);
	result->outcome = outcome_of(status);
	result->error = status < 0 ? -status : 0;
	result->idle = channel->is_idle;
	result->unpinned = !is_pinned(channel->config.cpu);
	result->cpu_user_ns = timeval_ns(after.ru_utime) - timeval_ns(before.ru_utime);
	result->cpu_system_ns = timeval_ns(after.ru_stime) - timeval_ns(before.ru_stime);
	if (channel->state.hung_up)
		shutdown(channel->config.fd, SHUT_WR);
	settle(channel);
	zc_meminfo(channel, ZC_MEMINFO_END);
	zc_tcp_info(channel);
}

static void *run_thread(void *argument)
{
	struct runner *runner = argument;
	struct run *run = runner->run;

	run_channel(runner);
	zc_round_barrier_leave(run->barrier);
	pthread_mutex_lock(&run->lock);
	run->ended_count++;
	pthread_cond_signal(&run->one_ended);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* Neither a deadline nor a request to stop wakes a thread that blocks in a call; a kick does, and makes it look. Kicks repeat,
 * because one may arrive between the look and the call. */
static void kick_late(struct run *run)
{
	int64_t now_ns = zc_now_ns();

	for (uint32_t i = 0; i < run->count; i++) {
		struct runner *runner = &run->runners[i];

		if (runner->is_started && (zc_stop_requested || now_ns >= runner->channel->deadline_ns))
			pthread_kill(runner->thread, ZC_KICK_SIGNAL);
	}
}

enum { STANDSTILL_NS = 500000000 }; /* longer than this between two looks: this process itself was stopped */

/* Finds paths that are down and peers that have stopped: no completion comes and no byte leaves the socket. */
static void look_for_movement(struct run *run)
{
	int64_t now_ns = zc_now_ns();
	bool has_stood_still = now_ns - run->looked_at_ns > STANDSTILL_NS;

	run->looked_at_ns = now_ns;
	for (uint32_t i = 0; i < run->count; i++) {
		struct runner *runner = &run->runners[i];
		struct zc_channel *channel = runner->channel;
		uint64_t moved = atomic_load_explicit(&channel->completed_seen, memory_order_relaxed) << 32;
		int unsent_bytes = 0;

		ioctl(channel->config.fd, SIOCOUTQ, &unsent_bytes);
		moved += unsent_bytes;
		if (moved != runner->moved || has_stood_still) {
			runner->moved = moved;
			runner->moved_at_ns = now_ns;
		}
		channel->is_idle = channel->config.idle_ns && now_ns - runner->moved_at_ns >= channel->config.idle_ns;
		if (channel->is_idle && channel->config.ends_idle && runner->is_started &&
		    now_ns >= run->began_ns + run->traffic->duration_ns && now_ns < channel->deadline_ns)
			channel->deadline_ns = now_ns;
	}
}

static void watch(struct run *run, uint32_t started_count)
{
	pthread_mutex_lock(&run->lock);
	while (run->ended_count < started_count) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 50000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&run->one_ended, &run->lock, &until);
		look_for_movement(run);
		kick_late(run);
	}
	pthread_mutex_unlock(&run->lock);
}

static int start_and_watch(struct run *run)
{
	uint32_t started = 0;
	int error = 0;

	run->began_ns = zc_now_ns();
	for (; started < run->count && !error; started += !error) {
		error = zc_start_thread(&run->runners[started].thread, run_thread, &run->runners[started]);
		run->runners[started].is_started = !error;
	}
	if (error) {
		zc_stop_requested++;
		zc_round_barrier_leave(run->barrier); /* channels at the barrier would wait for one that never comes */
	}
	watch(run, started);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(run->runners[i].thread, NULL);
	return -error;
}

static int open_channels(struct run *run, const struct zc_channel_config *configs, struct zc_result *results)
{
	uint32_t largest = 0;

	for (uint32_t i = 0; i < run->traffic->size_count; i++)
		if (run->traffic->sizes[i] > largest)
			largest = run->traffic->sizes[i];
	if (run->traffic->page_bytes * run->traffic->pages_per_packet > largest)
		largest = run->traffic->page_bytes * run->traffic->pages_per_packet;
	for (uint32_t i = 0; i < run->count; i++) {
		struct runner *runner = &run->runners[i];

		runner->run = run;
		runner->channel = zc_channel_open(&configs[i], &results[i]);
		if (!runner->channel || !zc_buffers_open(runner->channel, run->traffic->reuse, largest))
			return -errno;
	}
	return 0;
}

static void close_channels(struct run *run)
{
	for (uint32_t i = 0; i < run->count; i++) {
		struct zc_channel *channel = run->runners[i].channel;

		if (channel && channel->buffers)
			zc_buffers_close(channel->buffers);
		if (channel)
			zc_channel_close(channel);
	}
}

int zc_sender_run(const struct zc_channel_config *configs, struct zc_result *results, uint32_t count,
		  const struct zc_traffic *traffic)
{
	struct run run = { .traffic = traffic, .count = count };
	int status = -ENOMEM;

	pthread_mutex_init(&run.lock, NULL);
	pthread_cond_init(&run.one_ended, NULL);
	run.runners = calloc(count, sizeof(*run.runners));
	if (run.runners && !zc_round_barrier_init(&run.barrier, count)) {
		status = open_channels(&run, configs, results);
		if (!status) {
			zc_catch_signals();
			status = start_and_watch(&run);
			zc_restore_signals();
		}
		close_channels(&run);
		zc_round_barrier_free(run.barrier);
	}
	free(run.runners);
	pthread_cond_destroy(&run.one_ended);
	pthread_mutex_destroy(&run.lock);
	return status;
}
