#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "core.h"

volatile sig_atomic_t zc_stop_requested;
volatile sig_atomic_t zc_alarm_rang;

static struct sigaction saved_int, saved_term, saved_alarm;

static const struct timeval again = { .tv_usec = 50000 };

/* The first alarm may arrive between a check of the flag or the clock and the system call that then blocks, so it
 * repeats until the handlers are restored. */
static void request_stop(int signal)
{
	struct itimerval timer = { .it_interval = again, .it_value = again };

	zc_stop_requested = 1;
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void wake_up(int signal)
{
	zc_alarm_rang = 1;
}

/* Outside of a run SIGINT and SIGTERM stay pending: the parent may send them before the loop has begun. */
static void mask_stops(int how)
{
	sigset_t stops;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	pthread_sigmask(how, &stops, NULL);
}

/* No SA_RESTART, so a blocked sendmsg or poll returns EINTR. */
void zc_catch_signals(int64_t deadline_ns)
{
	struct sigaction stop = { .sa_handler = request_stop }, wake = { .sa_handler = wake_up };
	int64_t wait_us = (deadline_ns - zc_now_ns()) / 1000 + 1;
	struct itimerval timer = { .it_interval = again };

	if (wait_us < 1)
		wait_us = 1;
	timer.it_value.tv_sec = wait_us / 1000000;
	timer.it_value.tv_usec = wait_us % 1000000;
	zc_stop_requested = 0;
	zc_alarm_rang = 0;
	sigaction(SIGINT, &stop, &saved_int);
	sigaction(SIGTERM, &stop, &saved_term);
	sigaction(SIGALRM, &wake, &saved_alarm);
	setitimer(ITIMER_REAL, &timer, NULL);
	mask_stops(SIG_UNBLOCK);
}

void zc_restore_signals(void)
{
	struct itimerval off = { 0 };

	mask_stops(SIG_BLOCK);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &saved_alarm, NULL);
	sigaction(SIGTERM, &saved_term, NULL);
	sigaction(SIGINT, &saved_int, NULL);
}

int zc_enter_netns(int fd)
{
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

int zc_drop_capability(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t *word;

	if (syscall(SYS_capget, &header, data))
		return -errno;
	word = &data[CAP_TO_INDEX(capability)].effective;
	*word &= ~CAP_TO_MASK(capability);
	word = &data[CAP_TO_INDEX(capability)].permitted;
	*word &= ~CAP_TO_MASK(capability);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

int zc_die_with_parent(void)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) ? -errno : 0;
}
