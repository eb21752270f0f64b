/* SPDX-License-Identifier: GPL-2.0-only */
/* waits: when a thread of a watched process last slept in a call that waits for descriptors, such as poll().
 *
 * A thread that slept has not always waited: a tracer stops it at each call, and a lock or a page may keep it. So what counts
 * is the call in which it sleeps, which its saved registers tell when the scheduler takes it off the CPU. No program runs at
 * each system call: that would slow down all calls of the host.
 */
#pragma once

#include "filter.h"
#include "kernel_reads.h"

#if defined(WATCHED) && defined(OFFSET_call_number)
#define TASK_INTERRUPTIBLE 1
#define MOST_POLLED 8
#define ANY_DESCRIPTOR (~0U)

struct polled { /* ANY_DESCRIPTOR: the call does not say in its arguments which, or names very many */
	u64 thread;
	u32 fd;
	u32 reserved;
};

struct pollfd { /* uapi */
	u32 fd;
	u32 asked_and_found;
};

/* -> the thread's count of voluntary context switches once it slept there */
BPF_TABLE("lru_hash", struct polled, u64, last_waits, 4096);

static __always_inline u64 registers_of_this_thread(void)
{
	return (u64)bpf_task_pt_regs(bpf_get_current_task_btf());
}

static __always_inline bool is_poll(u32 number)
{
	return number == CALL_poll || number == CALL_ppoll;
}

static __always_inline bool waits_for_any(u32 number)
{
	return number == CALL_select || number == CALL_pselect6 || number == CALL_epoll_wait ||
	       number == CALL_epoll_pwait || number == CALL_epoll_pwait2;
}

static __always_inline void note_wait(u32 fd, u64 sleeps)
{
	struct polled polled = { .thread = bpf_get_current_pid_tgid(), .fd = fd };

	last_waits.update(&polled, &sleeps);
}

/* One descriptor at a time: the verifier of 6.12 does not see that a length that follows from `count` is bounded. */
static __always_inline void note_wait_of_poll(u64 array, u64 count, u64 sleeps)
{
	struct pollfd item;

	if (!count || count > MOST_POLLED) {
		note_wait(ANY_DESCRIPTOR, sleeps);
		return;
	}
#pragma unroll
	for (u32 place = 0; place < MOST_POLLED; place++) {
		if (place >= count)
			return;
		if (bpf_probe_read_user(&item, sizeof(item), (void *)(array + place * sizeof(item)))) {
			note_wait(ANY_DESCRIPTOR, sleeps);
			return;
		}
		note_wait(item.fd, sleeps);
	}
}

/* The current thread goes to sleep, and `sleeps` counts this time, too. */
static __always_inline void note_sleep(u64 sleeps)
{
	u64 registers = registers_of_this_thread();
	u32 zero = 0, number = read_u64(registers + OFFSET_call_number);
	struct target *wanted;

	if (!is_poll(number) && !waits_for_any(number))
		return;
	wanted = target.lookup(&zero);
	if (!wanted || !wanted->by_process || !is_thread_of_target(wanted))
		return;
	if (is_poll(number))
		note_wait_of_poll(read_u64(registers + OFFSET_argument_0), read_u64(registers + OFFSET_argument_1),
				  sleeps);
	else
		note_wait(ANY_DESCRIPTOR, sleeps);
}

static __always_inline bool slept_on(u32 fd, u64 before, u64 until)
{
	struct polled polled = { .thread = bpf_get_current_pid_tgid(), .fd = fd };
	u64 *sleeps = last_waits.lookup(&polled);

	return sleeps && *sleeps > before && *sleeps <= until;
}

/* Whether this thread, in a send call now, has waited for that call's descriptor while its count went from `before` to `until`. */
static __always_inline bool has_waited(u64 before, u64 until)
{
	if (before == until)
		return false;
	return slept_on(read_u64(registers_of_this_thread() + OFFSET_argument_0), before, until) ||
	       slept_on(ANY_DESCRIPTOR, before, until);
}
#elif defined(WATCHED)
static __always_inline bool has_waited(u64 before, u64 until)
{
	return before != until;
}
#endif
