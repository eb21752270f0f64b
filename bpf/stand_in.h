/* SPDX-License-Identifier: GPL-2.0-only */
/* stand_in: a second copy of a program, for the events at which the kernel skips the first copy.
 *
 * The kernel skips a program that is already running on the CPU. So when a reader frees an skb, and a completion interrupts the
 * first copy there and frees another skb, the first copy does not see the other. The second copy is a program of its own, on
 * the same tracepoint or function, and comes after the first copy at each event. It acts if the first copy did not run.
 *
 * One event passes the same context to both copies: the address of its arguments on the stack. So the first copy notes that
 * address for the second one, which takes the note back. An event that interrupts has another address, on the stack of
 * interrupts, and is not interrupted by a third one; between the two copies of an event it finds the note of that one and makes
 * a second note. If it interrupts the second copy, its note is left behind, and the next event of the task removes it.
 *
 * User space can tell that no event was missed or counted twice: then `taken_over` is the number of runs that the kernel skipped.
 */
#pragma once

#include "kernel_reads.h"

#define STACK_BYTES (16 << 10)

struct runs { /* of one program on one CPU: what the first copy has seen and the second has not; 0: nothing */
	u64 event;
	u64 interruption; /* an event that came between the two copies of `event` */
	u64 taken_over; /* events on which the second copy acted */
};

BPF_PERCPU_ARRAY(runs, struct runs, STAND_INS);

static __always_inline bool is_of_task(u64 event)
{
	return event - read_u64(CURRENT_TASK() + OFFSET_task_struct_stack) < STACK_BYTES;
}

static __always_inline void note_run(u32 program, void *context)
{
	struct runs *mine = runs.lookup(&program);
	u64 event = number_of((u64)context);

	if (!mine)
		return;
	if (!mine->event) {
		mine->event = event;
	} else if (is_of_task(event)) {
		mine->interruption = 0;
		mine->event = event;
	} else {
		mine->interruption = event;
	}
}

static __always_inline bool was_skipped(u32 program, void *context)
{
	struct runs *mine = runs.lookup(&program);
	u64 event = number_of((u64)context);

	if (!mine)
		return false;
	if (mine->event == event) {
		mine->event = 0;
		mine->interruption = 0;
		return false;
	}
	if (mine->interruption == event) {
		mine->interruption = 0;
		return false;
	}
	mine->taken_over += 1;
	return true;
}

/* Defines a program and its stand-in, which do what follows, with `context` in scope. STAND_IN_<program> is its number. */
#define WITH_STAND_IN(program)                                                                                         \
	static __always_inline int act_##program(void *context);                                                       \
	int program(void *context)                                                                                     \
	{                                                                                                              \
		note_run(STAND_IN_##program, context);                                                                 \
		return act_##program(context);                                                                         \
	}                                                                                                              \
	int stand_in_##program(void *context)                                                                          \
	{                                                                                                              \
		return was_skipped(STAND_IN_##program, context) ? act_##program(context) : 0;                          \
	}                                                                                                              \
	static __always_inline int act_##program(void *context)
