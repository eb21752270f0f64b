/* SPDX-License-Identifier: GPL-2.0-only */
/* The event that the probes stream to user space: read by BPF C, by the core's C compiler and by cffi.
 *
 * One struct for all kinds keeps the file of events a plain array. Counters are raw readings at the moment of the
 * event: in MERGED, READ and PURGED the notification has left the queue but is not yet uncharged from optmem.
 */
#pragma once

enum zc_event_kind {
	ZC_EVENT_APPENDED = 1, /* a completion found no neighbour at the tail: a new errqueue entry lo..hi */
	ZC_EVENT_MERGED = 2, /* a completion lo..hi was merged into the tail */
	ZC_EVENT_READ = 3, /* recvmsg removed the entry lo..hi from the queue */
	ZC_EVENT_PURGED = 4, /* dropped unread: socket closed, or error queue purged */
	ZC_EVENT_DISCARDED = 5, /* completed without notification: aborted send or dead socket */
	ZC_EVENT_REFUSED = 6, /* allocated and released inside msg_zerocopy_realloc: memlock */
	ZC_EVENT_ENOBUFS = 7, /* a send call returned -ENOBUFS */
	ZC_EVENT_CLOSED = 8, /* the socket is destroyed */
	ZC_EVENT_SENT = 9, /* detail full: a send call returned */
	ZC_EVENT_CHARGED = 10, /* detail full, functions: a new uarg, its notification charged; lo is its first send */
	ZC_EVENT_EXTENDED = 11, /* detail full, functions: one more send on the newest uarg; lo is its first send */
	ZC_EVENT_COPIED = 12, /* detail full, functions: skb_copy_ubufs() copied data of lo..hi (so far) for a receiver */
};

/* Bits of zc_kernel_event.candidates: what may have made a send call return ENOBUFS, as far as the probes can tell. */
enum zc_cause {
	ZC_CAUSE_OPTMEM = 0, /* sock_omalloc(): the charge would not have fitted */
	ZC_CAUSE_MEMLOCK_NEW = 1, /* RLIMIT_MEMLOCK, for a send that needed a new uarg */
	ZC_CAUSE_MEMLOCK_EXTENDED = 2, /* RLIMIT_MEMLOCK, for one more send on the newest uarg */
	ZC_CAUSE_ALLOCATION = 3, /* sock_omalloc(): no memory for the notification */
	ZC_CAUSE_FASTOPEN = 4, /* TCP fast open: no memory for the request */
	ZC_CAUSE_FOREIGN_UARG = 5, /* the tail skb carries a uarg of io_uring or the like */
	ZC_CAUSE_CORKED = 6, /* UDP: a further fragment of a corked datagram, no room in the send buffer */
	ZC_CAUSE_QDISC = 7, /* UDP with IP_RECVERR: accepted, then dropped by the qdisc */
};

/* Bits of zc_kernel_event.evidence: what was seen during the current send call. */
enum zc_evidence {
	ZC_SAW_CAPABILITY_REFUSED = 1, /* capable(CAP_IPC_LOCK) was refused, so RLIMIT_MEMLOCK counts */
	ZC_SAW_TAKEN_BACK = 2, /* a fresh notification was freed inside msg_zerocopy_realloc() */
	ZC_SAW_QDISC_DROP = 4, /* an skb of this socket was dropped by its qdisc */
	ZC_SAW_ACCOUNT_FAILED = 8, /* mm_account_pinned_pages() failed */
	ZC_SAW_OPTMEM_FULL = 16, /* sock_omalloc() failed at the limit */
	ZC_SAW_NO_MEMORY = 32, /* sock_omalloc() failed below it */
	ZC_SAW_NO_UARG = 64, /* msg_zerocopy_realloc() returned NULL */
	ZC_SAW_APPEND_FAILED = 128, /* ip_append_data(), ip_make_skb() or their IPv6 counterparts returned -ENOBUFS */
};

/* A member for which a kind has no value is 0. */
struct zc_kernel_event {
	uint64_t time_ns; /* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	uint64_t cookie; /* socket cookie */
	uint32_t lo; /* the range of sends, where the kind has one */
	uint32_t hi;
	uint32_t optmem_bytes; /* sk_omem_alloc */
	uint32_t optmem_before_bytes; /* ENOBUFS: when the previous send call returned; UINT32_MAX: there was none */
	uint32_t optmem_peak_bytes; /* CLOSED: the highest on the return of any send call */
	uint32_t optmem_max_bytes; /* the limit in force in the socket's namespace */
	uint32_t errqueue_depth;
	uint32_t charge_bytes; /* truesize of the notification at hand */
	uint32_t next_send_id; /* sk_zckey */
	uint32_t memlock_locked_pages; /* ENOBUFS: of the sending user */
	uint32_t memlock_limit_pages; /* ENOBUFS: RLIMIT_MEMLOCK; UINT32_MAX: unlimited */
	int32_t send_result; /* SENT: bytes, or a negative errno */
	int32_t stack_id; /* APPENDED: who dropped the last reference; COPIED: who copied; negative: none */
	uint32_t thread_id;
	uint8_t kind; /* enum zc_event_kind */
	uint8_t copied; /* this notification's own COPIED bit */
	uint8_t candidates; /* ENOBUFS: bits of enum zc_cause; none: the kernel returned it from elsewhere */
	uint8_t evidence; /* ENOBUFS: bits of enum zc_evidence */
	uint32_t cpu;
};
