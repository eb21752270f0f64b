// SPDX-License-Identifier: GPL-2.0-only
/* What this process does to itself: signals, namespaces, its end. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core.h"
#include "decl/process.h"

_Atomic int zc_stop_requested;
_Atomic int zc_kicked;
_Atomic int zc_run_is_active;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler that took a lock could wait for its own thread");

static struct sigaction saved_int, saved_term, saved_kick;
static sigset_t saved_mask;
static _Atomic int stop_signal;

static void request_stop(int signal)
{
	zc_stop_requested++;
	stop_signal = signal;
}

int zc_stop_signal(void)
{
	return stop_signal;
}

static void note_kick(int signal)
{
	zc_kicked = 1;
}

static void mask_stops(int how, sigset_t *before)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	pthread_sigmask(how, &stops, before);
}

/* A sender's process blocks SIGINT and SIGTERM outside of a run, because the parent may send them before the loop has begun.
 * The handlers lack SA_RESTART, so that a kick makes a blocked call return EINTR. */
void zc_catch_signals(void)
{
	struct sigaction stop = { .sa_handler = request_stop }, kick = { .sa_handler = note_kick };

	zc_stop_requested = 0;
	stop_signal = 0;
	zc_kicked = 0;
	zc_run_is_active = 1;
	sigaction(SIGINT, &stop, &saved_int);
	sigaction(SIGTERM, &stop, &saved_term);
	sigaction(ZC_KICK_SIGNAL, &kick, &saved_kick);
	mask_stops(SIG_UNBLOCK, &saved_mask);
}

void zc_restore_signals(void)
{
	mask_stops(SIG_BLOCK, NULL);
	sigaction(ZC_KICK_SIGNAL, &saved_kick, NULL);
	sigaction(SIGTERM, &saved_term, NULL);
	sigaction(SIGINT, &saved_int, NULL);
	zc_run_is_active = 0;
	zc_stop_requested = 0; /* the request was for this run; channels are driven outside of runs too */
	zc_kicked = 0;
	pthread_sigmask(SIG_SETMASK, &saved_mask, NULL); /* signals that came meanwhile go to the caller's handlers */
}

/* The new thread receives no signal but a kick: requests to stop are for the thread that waits. */
int zc_start_thread(pthread_t *thread, void *(*run)(void *), void *argument)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	sigdelset(&all, ZC_KICK_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, run, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int zc_enter_netns(int fd)
{
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

int zc_die_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0;
}

int zc_own_working_directory(void)
{
	return unshare(CLONE_FS) ? -errno : 0;
}
