/* The event that the probes stream to user space: read by BPF C, by the core's C compiler and by cffi.
 *
 * One struct for all kinds keeps the file of events a plain array. Counters are raw readings at the moment of the
 * event: in MERGED, READ and PURGED the notification has left the queue but is not yet uncharged from optmem.
 */
#pragma once

enum zc_event_kind {
	ZC_EVENT_APPENDED = 1,	/* a completion found no neighbour at the tail: a new errqueue entry lo..hi */
	ZC_EVENT_MERGED = 2,	/* a completion lo..hi was merged into the tail */
	ZC_EVENT_READ = 3,	/* recvmsg took the entry lo..hi off the queue */
	ZC_EVENT_PURGED = 4,	/* dropped unread: socket closed, or error queue purged */
	ZC_EVENT_DISCARDED = 5,	/* completed without notification: aborted send or dead socket */
	ZC_EVENT_REFUSED = 6,	/* allocated and taken back inside msg_zerocopy_realloc: memlock */
	ZC_EVENT_ENOBUFS = 7,	/* a send call returned -ENOBUFS */
	ZC_EVENT_CLOSED = 8,	/* the socket is destroyed */
};

struct zc_kernel_event {
	uint64_t time_ns;	/* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	uint64_t cookie;	/* socket cookie */
	uint32_t lo;
	uint32_t hi;
	uint32_t optmem_bytes;	/* sk_omem_alloc */
	uint32_t optmem_high_bytes;	/* ENOBUFS: level when the previous send call returned; CLOSED: highest ever seen */
	uint32_t optmem_max_bytes;	/* the limit in force in the socket's namespace */
	uint32_t errqueue_depth;
	uint32_t charge_bytes;	/* truesize of the notification at hand */
	uint32_t next_send_id;	/* sk_zckey */
	int32_t stack_id;	/* APPENDED: who dropped the last reference; negative: none */
	uint32_t thread_id;
	uint8_t kind;		/* enum zc_event_kind */
	uint8_t copied;		/* this notification's own COPIED bit */
	uint8_t memlock_denied;	/* ENOBUFS: capable(CAP_IPC_LOCK) was refused in this call */
	uint8_t reserved;
	uint32_t cpu;
};
