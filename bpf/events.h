/* SPDX-License-Identifier: GPL-2.0-only */
/* events: what goes to user space through a ring buffer, and the stacks that events name. */
#pragma once

#include "kernel_reads.h"
#include "zcprobe.h"

_Static_assert(sizeof(struct zc_kernel_event) == 80, "user space reads events of 80 bytes");

BPF_RINGBUF_OUTPUT(events, RING_PAGES);
BPF_PERCPU_ARRAY(lost_events, u64, 16); /* by enum zc_event_kind */
BPF_STACK_TRACE(stacks, 4096);

/* `cookie` is that of the socket's state. */
static __always_inline struct zc_kernel_event *new_event(u64 sk, u64 cookie, u8 kind)
{
	struct zc_kernel_event *event = events.ringbuf_reserve(sizeof(*event));

	if (!event) {
		u32 slot = kind;
		u64 *lost = lost_events.lookup(&slot);

		if (lost)
			*lost += 1;
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_ns();
	event->cookie = cookie;
	event->optmem_bytes = read_u32(sk + OFFSET_sock_sk_omem_alloc);
	event->optmem_max_bytes = optmem_limit(sk);
	event->errqueue_depth = read_u32(sk + OFFSET_sock_sk_error_queue_qlen);
	event->next_send_id = read_u32(sk + OFFSET_sock_sk_zckey);
	event->stack_id = -1;
	event->thread_id = bpf_get_current_pid_tgid();
	event->cpu = bpf_get_smp_processor_id();
	event->kind = kind;
	return event;
}

/* The reader polls, because waking it for each event would cost more than the event. */
static __always_inline void submit(struct zc_kernel_event *event)
{
	events.ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}
