/* SPDX-License-Identifier: GPL-2.0-only */
/* What every C file of the core may use: the clock, threads and signals. It includes no other header of the core. */
#pragma once
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Slow path. Marked cold so that it shares no instruction-cache lines with the common send path: a send call leaves little
 * of that cache. */
#define ZC_COLD __attribute__((cold, noinline))

static inline int64_t zc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- process.c ---- */

#define ZC_KICK_SIGNAL SIGALRM

/* Signal handlers set these and every thread reads them. */
extern _Atomic int zc_stop_requested; /* how many requests to stop have come */
extern _Atomic int zc_kicked; /* 0 until a deadline has passed or a request to stop has come */
extern _Atomic int zc_run_is_active; /* 0: a signal belongs to the caller, whose Python handler wants to run */

void zc_catch_signals(void);
void zc_restore_signals(void);
int zc_start_thread(pthread_t *thread, void *(*run)(void *), void *argument);
