/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the handler for the entry or return of a function in one way for fentry, fexit, kprobe and kretprobe. The return comes
 * with the function's arguments and its result.
 *
 * A kretprobe does not see the arguments: a kprobe on the entry keeps them by thread and function. Handlers of functions that
 * run in any context have stand-ins, but not by kprobe: there the kernel skips every program while any is running.
 */
#pragma once

#include "kernel_reads.h"
#include "stand_in.h"

struct call {
	u64 arguments[3];
	u64 result;
};

#ifdef KPROBES
struct call_key {
	u64 thread;
	u64 function;
};

BPF_TABLE("lru_hash", struct call_key, struct call, calls, 4096);

#define ARGUMENT(context, number) (*(u64 *)((char *)(context) + OFFSET_argument_##number))

static __always_inline void begin_call(void *context, u64 function)
{
	struct call_key key = { bpf_get_current_pid_tgid(), function };
	struct call call = { { ARGUMENT(context, 0), ARGUMENT(context, 1), ARGUMENT(context, 2) }, 0 };

	calls.update(&key, &call);
}

static __always_inline bool end_call(void *context, u64 function, struct call *call)
{
	struct call_key key = { bpf_get_current_pid_tgid(), function };
	struct call *begun = calls.lookup(&key);

	if (!begun)
		return false;
	*call = *begun;
	call->result = *(u64 *)((char *)context + OFFSET_result);
	calls.delete(&key);
	return true;
}

/* Defines on_<function>_entry(), and on_<function>() with `call` in scope. */
#define ON_RETURN(function, number, count)                                                                             \
	static __always_inline int return_of_##function(void *context, struct call *call);                             \
	int on_##function##_entry(void *context)                                                                       \
	{                                                                                                              \
		begin_call(context, number);                                                                           \
		return 0;                                                                                              \
	}                                                                                                              \
	int on_##function(void *context)                                                                               \
	{                                                                                                              \
		struct call call = {};                                                                                 \
		return end_call(context, number, &call) ? return_of_##function(context, &call) : 0;                    \
	}                                                                                                              \
	static __always_inline int return_of_##function(void *context, struct call *call)

#define ON_ENTRY_ANYWHERE(program) int program(void *context)
#define ON_RETURN_ANYWHERE ON_RETURN
#else
#define ARGUMENT(context, number) (((u64 *)(context))[number])

#define RETURN(program, function, count)                                                                               \
	static __always_inline int return_of_##function(void *context, struct call *call);                             \
	program                                                                                                        \
	{                                                                                                              \
		u64 *values = context;                                                                                 \
		struct call call = {};                                                                                 \
		call.arguments[0] = values[0];                                                                         \
		if (count > 1)                                                                                         \
			call.arguments[1] = values[count > 1 ? 1 : 0];                                                 \
		if (count > 2)                                                                                         \
			call.arguments[2] = values[count > 2 ? 2 : 0];                                                 \
		call.result = values[count];                                                                           \
		return return_of_##function(context, &call);                                                           \
	}                                                                                                              \
	static __always_inline int return_of_##function(void *context, struct call *call)

#define ON_RETURN(function, number, count) RETURN(int on_##function(void *context), function, count)

/* For functions that run in any context, so that one call can interrupt another's handler. */
#define ON_ENTRY_ANYWHERE(program) WITH_STAND_IN(program)
#define ON_RETURN_ANYWHERE(function, number, count) RETURN(WITH_STAND_IN(on_##function), function, count)
#endif
