/* SPDX-License-Identifier: GPL-2.0-only */
/* evidence: what was seen during the current send call, by thread. */
#pragma once

#include "kernel_reads.h"

/* By thread. The map is LRU because the tracepoint is global: threads that never send on our sockets must not fill it. */
BPF_TABLE("lru_hash", u64, u8, evidence_by_thread, 4096);
BPF_ARRAY(evidence_ever, u32, 1);

static __always_inline void note_evidence(u8 bit)
{
	u64 thread = bpf_get_current_pid_tgid();
	u32 zero = 0, *ever = evidence_ever.lookup(&zero);
	u8 *seen = evidence_by_thread.lookup(&thread);

	if (seen) {
		*seen |= bit;
		return;
	}
	evidence_by_thread.update(&thread, &bit);
	if (ever)
		*ever = 1;
}

/* What was seen in this thread's send call since its last one returned. */
static __always_inline u8 look_at_evidence(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	u8 *seen = evidence_by_thread.lookup(&thread);

	return seen ? *seen : 0;
}

/* The thread keeps its entry: a sender without CAP_IPC_LOCK needs it at each call, and to insert and delete one costs several
 * times as much as to find it. */
static __always_inline void forget_evidence(void)
{
	u32 zero = 0, *ever = evidence_ever.lookup(&zero);
	u64 thread;
	u8 *seen;

	if (!ever || !*ever)
		return;
	thread = bpf_get_current_pid_tgid();
	seen = evidence_by_thread.lookup(&thread);
	if (seen)
		*seen = 0;
}
