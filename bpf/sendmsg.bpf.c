// SPDX-License-Identifier: GPL-2.0-only
/* sendmsg: what the send calls of the run's sockets returned, and at each ENOBUFS the state of optmem and the cause. */

#include "calls.h"
#include "enobufs.h"
#include "events.h"
#include "evidence.h"
#include "filter.h"
#include "kernel_reads.h"
#include "send_usage.h"
#include "socket_state.h"
#include "waits.h"
#include "zcprobe.h"

#define RESULT_SLOTS 134 /* errno 0..133 */

BPF_PERCPU_ARRAY(send_results, u64, RESULT_SLOTS);

static __always_inline void count_result(int ret)
{
	u32 slot = ret == -ERESTARTSYS ? EINTR : ret < 0 ? -ret : 0;
	u64 *count = send_results.lookup(&slot);

	if (count)
		*count += 1;
}

/* Only a send call raises the level. So a refused charge met a level between the one read here and the next one read, and
 * the highest level is always one that is read here. */
static __always_inline void note_level(struct socket_state *state, const struct after_send *after)
{
	state->next_send_id = after->next_send_id;
	state->optmem_before_bytes = after->optmem_bytes;
	state->optmem_bytes = after->optmem_bytes;
	state->errqueue_depth = after->errqueue_depth;
	state->has_level = 1;
	if (after->optmem_bytes > state->optmem_peak_bytes)
		state->optmem_peak_bytes = after->optmem_bytes;
}

static __always_inline int send_returned(u64 sk, int ret, u64 message)
{
	struct zc_kernel_event *event;
	struct socket_state *state;
	struct after_send after;

	state = state_of_sender(sk);
	if (!state) {
		forget_evidence(); /* of another socket of this thread */
		return 0;
	}
	count_result(ret);
	if (ret == -ENOBUFS)
		emit_enobufs(sk, state, message);
	forget_evidence();
	after = look_after_send(sk);
#ifdef WATCHED
	note_usage(state, &after, ret);
#endif
	note_level(state, &after);
	if (detail_in_force() < DETAIL_FULL)
		return 0;
	event = new_event(sk, state->cookie, ZC_EVENT_SENT);
	if (!event)
		return 0;
	event->send_result = ret;
	submit(event);
	return 0;
}

#ifdef FUNCTIONS
ON_RETURN(tcp_sendmsg, 6, 3)
{
	return send_returned(call->arguments[0], call->result, call->arguments[1]);
}

ON_RETURN(udp_sendmsg, 7, 3)
{
	u64 sk = call->arguments[0];

#ifdef HAVE_UDPV6_SENDMSG
	/* to an IPv4 address: udpv6_sendmsg() called it, and the return of udpv6_sendmsg() counts */
	if (peek_u16(sk + OFFSET_sock___sk_common_skc_family) == AF_INET6)
		return 0;
#endif
	return send_returned(sk, call->result, 0);
}

ON_RETURN(udpv6_sendmsg, 8, 3)
{
	return send_returned(call->arguments[0], call->result, 0);
}

static __always_inline int append_returned(bool is_enobufs)
{
	if (is_enobufs)
		note_evidence(ZC_SAW_APPEND_FAILED);
	return 0;
}

#ifdef OFFSET_result
/* by kretprobe; also with fentry, if the kernel's fexit does not support so many arguments */
int on_append(void *context)
{
	return append_returned((int)*(u64 *)((char *)context + OFFSET_result) == -ENOBUFS);
}
#endif

#ifndef KPROBES
/* An int, or a pointer or errno. The verifier does not allow reading half of a pointer. */
#define ON_APPEND(function, type)                                                                                      \
	int on_##function(u64 *values)                                                                                 \
	{                                                                                                              \
		return append_returned((type)values[ARGUMENTS_##function] == -ENOBUFS);                                \
	}

ON_APPEND(ip_append_data, int)
ON_APPEND(ip_make_skb, long)
ON_APPEND(ip6_append_data, int)
ON_APPEND(ip6_make_skb, long)
#endif
#else
/* sock:sock_send_length(sk, ret, flags): on the return of every send call */
int on_sock_send_length(struct bpf_raw_tracepoint_args *ctx)
{
	return send_returned(ctx->args[0], ctx->args[1], 0);
}
#endif

/* tcp:tcp_destroy_sock(sk): sk_zckey is now the number of sends that the kernel accepted. A state that is closed already is of
 * an earlier socket with this address, and this one has sent nothing. */
int on_tcp_destroy_sock(struct bpf_raw_tracepoint_args *ctx)
{
	u64 sk = ctx->args[0];
	struct zc_kernel_event *event;
	struct socket_state *state;

	state = state_of(sk);
	if (!state || state->is_closed)
		return 0;
	state->next_send_id = read_u32(sk + OFFSET_sock_sk_zckey);
	state->optmem_max_bytes = optmem_limit(sk);
	state->is_closed = 1;
	if (detail_in_force() >= DETAIL_TIMELINE) {
		event = new_event(sk, state->cookie, ZC_EVENT_CLOSED);
		if (event) {
			event->optmem_peak_bytes = state->optmem_peak_bytes;
			submit(event);
		}
	}
	return 0;
}

#ifdef WATCHED
/* sched:sched_process_fork(parent, child) */
int on_sched_process_fork(void *context)
{
	u64 parent = TRACED(context, 0), child = TRACED(context, 1);
	u32 zero = 0, tgid = read_u32(parent + OFFSET_task_struct_tgid);
	struct target *wanted = target.lookup(&zero);
	u8 yes = 1;

	if (!wanted || !wanted->follows || !target_processes.lookup(&tgid))
		return 0;
	tgid = read_u32(child + OFFSET_task_struct_tgid);
	target_processes.update(&tgid, &yes);
	return 0;
}

int on_sched_switch(void *context)
{
#ifdef OFFSET_call_number
	if (!(TRACED(context, 0) & 1) && (u32)TRACED(context, 3) & TASK_INTERRUPTIBLE)
		note_sleep(LEAVING_TASK(context));
#endif
	return 0;
}
#endif
