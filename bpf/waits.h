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

BPF_ARRAY(waits, u64, 1); /* how often a thread of a watched process went to sleep in such a call */
BPF_TABLE("lru_hash", struct polled, u64, last_waits, 4096); /* -> that number, with the thread's last one there */

static __always_inline u64 waits_until_now(void)
{
	u32 zero = 0;
	u64 *count = waits.lookup(&zero);

	return count ? *(volatile u64 *)count : 0;
}

/* sched:sched_switch(preempt, prev, next, prev_state) */
#ifdef TYPED
#define LEAVING_TASK(context) TRACED(context, 1)
#else
#define LEAVING_TASK(context) ((u64)bpf_get_current_task_btf())
#endif

static __always_inline u64 registers_of(u64 task)
{
	return (u64)bpf_task_pt_regs((void *)task);
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

static __always_inline void note_wait(u32 fd, u64 number)
{
	struct polled polled = { .thread = bpf_get_current_pid_tgid(), .fd = fd };

	last_waits.update(&polled, &number);
}

/* One descriptor at a time: the verifier of 6.12 does not see that a length that follows from `count` is bounded. */
static __always_inline void note_wait_of_poll(u64 array, u64 count, u64 number)
{
	struct pollfd item;

	if (!count || count > MOST_POLLED) {
		note_wait(ANY_DESCRIPTOR, number);
		return;
	}
#pragma unroll
	for (u32 place = 0; place < MOST_POLLED; place++) {
		if (place >= count)
			return;
		if (bpf_probe_read_user(&item, sizeof(item), (void *)(array + place * sizeof(item)))) {
			note_wait(ANY_DESCRIPTOR, number);
			return;
		}
		note_wait(item.fd, number);
	}
}

/* A thread of a watched process goes to sleep in the call with this number. */
static __always_inline void note_waiting(u64 registers, u32 number)
{
	u32 zero = 0;
	u64 *count = waits.lookup(&zero);

	if (!count)
		return;
	__sync_fetch_and_add(count, 1);
	if (is_poll(number))
		note_wait_of_poll(read_u64(registers + OFFSET_argument_0), read_u64(registers + OFFSET_argument_1),
				  waits_until_now());
	else
		note_wait(ANY_DESCRIPTOR, waits_until_now());
}

/* The current thread, which is `task`, goes to sleep. All threads of the machine come here when they do. */
static __always_inline void note_sleep(u64 task)
{
	u64 registers = registers_of(task);
	u32 zero = 0, number = read_u64(registers + OFFSET_call_number);
	struct target *wanted;

	if (!is_poll(number) && !waits_for_any(number))
		return;
	wanted = target.lookup(&zero);
	if (wanted && wanted->by_process && is_thread_of_target(wanted))
		note_waiting(registers, number);
}

static __always_inline bool waited_for(u32 fd, u64 before, u64 until)
{
	struct polled polled = { .thread = bpf_get_current_pid_tgid(), .fd = fd };
	u64 *last = last_waits.lookup(&polled);

	return last && *last > before && *last <= until;
}

/* Whether this thread, in a send call now, has waited for that call's descriptor while the number went from `before` to
 * `until`. */
static __always_inline bool has_waited(u64 before, u64 until)
{
	if (before == until)
		return false;
	return waited_for(read_u64(registers_of((u64)bpf_get_current_task_btf()) + OFFSET_argument_0), before, until) ||
	       waited_for(ANY_DESCRIPTOR, before, until);
}
#elif defined(WATCHED)
/* Voluntary context switches of this thread: while it sleeps, and only then, it makes one. */
static __always_inline u64 waits_until_now(void)
{
	return read_u64(CURRENT_TASK() + OFFSET_task_struct_nvcsw);
}

static __always_inline bool has_waited(u64 before, u64 until)
{
	return before != until;
}
#endif
