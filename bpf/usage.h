/* SPDX-License-Identifier: GPL-2.0-only */
/* usage: how a process that we only watch uses a socket: which threads send and read, how much, and whether they wait.
 *
 * It is kept in the socket's state, so that finding it costs nothing more. Where two threads send at once on one socket, sends
 * and bytes are not exact here; refused calls are. WATCHED: the session watches processes, not a run of ours.
 */
#pragma once

#include "addresses.h"
#include "histogram.h"
#include "kernel_reads.h"
#include "waits.h"

#define SENDERS 8
#define READERS 4
#define SIZES 24 /* of sends: from 2^n bytes on; the last one is open */
#define EAGAIN 11

struct sender {
	u32 tid;
	u32 tgid;
	char comm[16];
	u64 sends;
	u64 enobufs;
};

struct reader {
	u32 tid;
	u32 tgid;
	char comm[16];
	u64 notifications;
};

struct usage {
	u64 inode; /* of the socket's file */
	struct addresses ends; /* when a program first saw the socket */
	u32 family;
	u32 protocol;
	u64 bytes_sent;
	u64 send_calls; /* successful ones, with MSG_ZEROCOPY or without */
	u64 zerocopy_sends;
	u64 size_counts[SIZES]; /* zerocopy sends by size, and their bytes */
	u64 size_bytes[SIZES];
	u64 own_completions_read; /* of sends that were made while the socket was watched */
	u64 late_completions; /* of sends before one that had completed already */
	u64 last_read_ns;
	u64 flushes; /* a flush is what the last sender reads before its next send call */
	u64 flushes_waited; /* those in which it waited for the socket */
	u64 flushes_in_vain; /* after ENOBUFS it read until EAGAIN, did not wait, and got ENOBUFS again */
	u64 flush_ns_max;
	u64 flush_begin_ns; /* of the flush in progress; 0: there is none */
	u64 flush_end_ns;
	u64 waits_before; /* waits_until_now() when the last sender's send call returned, and when it last read */
	u64 waits_after;
	u32 last_sender;
	u8 was_refused; /* its send call returned ENOBUFS */
	u8 reached_end; /* it found the queue empty in the flush in progress */
	u16 reserved;
	u32 outstanding_max;
	u32 in_flight_peak_bytes;
	u32 unread_peak_bytes;
	u32 sends_per_uarg_max;
	u32 tail_lo; /* the newest notification */
	u32 tail_hi;
	u32 completed_end; /* the highest send that has completed, plus 1 */
	u32 has_completed;
	u64 sends_of_others; /* of threads for which there was no place */
	u64 reads_of_others;
	struct sender senders[SENDERS];
	struct reader readers[READERS];
};

#ifdef WATCHED
static __always_inline u64 inode_of(u64 sk)
{
	u64 socket = read_u64(sk + OFFSET_sock_sk_socket);
	u64 file = socket ? read_u64(socket + OFFSET_socket_file) : 0;
	u64 inode = file ? read_u64(file + OFFSET_file_f_inode) : 0;

	return inode ? read_u64(inode + OFFSET_inode_i_ino) : 0;
}

/* A place is given to the first thread that comes and is kept. */
#define FIND_PLACE(threads, count)                                                                                     \
	_Pragma("unroll") for (u32 place = 0; place < count; place++)                                                  \
	{                                                                                                              \
		if (threads[place].tid == (u32)thread)                                                                 \
			return &threads[place];                                                                        \
		if (threads[place].tid)                                                                                \
			continue;                                                                                      \
		threads[place].tid = thread;                                                                           \
		threads[place].tgid = thread >> 32;                                                                    \
		bpf_get_current_comm(threads[place].comm, sizeof(threads[place].comm));                                \
		return &threads[place];                                                                                \
	}                                                                                                              \
	return 0

static __always_inline struct sender *this_sender(struct usage *usage, u64 thread)
{
	FIND_PLACE(usage->senders, SENDERS);
}

static __always_inline struct reader *this_reader(struct usage *usage, u64 thread)
{
	FIND_PLACE(usage->readers, READERS);
}

static __always_inline void end_flush(struct usage *usage, int ret)
{
	u64 until = ret == -ENOBUFS ? waits_until_now() : usage->waits_after;
	bool waited = has_waited(usage->waits_before, until);
	u64 duration_ns = usage->flush_end_ns - usage->flush_begin_ns;

	usage->flushes += 1;
	if (waited)
		usage->flushes_waited += 1;
	else if (usage->was_refused && usage->reached_end && ret == -ENOBUFS)
		usage->flushes_in_vain += 1;
	if (duration_ns > usage->flush_ns_max)
		usage->flush_ns_max = duration_ns;
}

static __always_inline void note_size(struct usage *usage, u64 bytes)
{
	u32 slot = slot_of(bytes, SIZES);

	if (slot < SIZES) { /* for the verifier */
		usage->size_counts[slot] += 1;
		usage->size_bytes[slot] += bytes;
	}
}

static __always_inline void note_sent(struct usage *usage, int ret, u32 sends)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct sender *sender = this_sender(usage, thread);

	if (usage->flush_begin_ns && usage->last_sender == (u32)thread)
		end_flush(usage, ret);
	usage->flush_begin_ns = 0;
	usage->reached_end = 0;
	usage->was_refused = ret == -ENOBUFS;
	usage->last_sender = thread;
	usage->waits_before = usage->waits_after = waits_until_now();
	if (sender) {
		sender->sends += sends;
		sender->enobufs += ret == -ENOBUFS;
	} else {
		usage->sends_of_others += sends;
	}
	if (ret <= 0)
		return;
	usage->send_calls += 1;
	usage->bytes_sent += ret;
	usage->zerocopy_sends += sends;
	if (sends)
		note_size(usage, ret);
}

/* The sends that have completed and those whose notification nobody has read, at the return of a send call. */
static __always_inline void note_levels(struct usage *usage, u32 sends, u32 optmem_bytes, u32 unread_bytes)
{
	u32 outstanding = sends - usage->own_completions_read;

	if ((int)outstanding > (int)usage->outstanding_max)
		usage->outstanding_max = outstanding;
	if (unread_bytes > usage->unread_peak_bytes)
		usage->unread_peak_bytes = unread_bytes;
	if (optmem_bytes > unread_bytes && optmem_bytes - unread_bytes > usage->in_flight_peak_bytes)
		usage->in_flight_peak_bytes = optmem_bytes - unread_bytes;
}

/* This thread read a notification, or found none. */
static __always_inline void note_reading(struct usage *usage, bool found)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct reader *reader = found ? this_reader(usage, thread) : 0;

	if (found) {
		usage->last_read_ns = bpf_ktime_get_ns();
		if (reader)
			reader->notifications += 1;
		else
			usage->reads_of_others += 1;
	}
	if (usage->last_sender != (u32)thread)
		return;
	usage->flush_end_ns = found ? usage->last_read_ns : bpf_ktime_get_ns();
	if (!usage->flush_begin_ns)
		usage->flush_begin_ns = usage->flush_end_ns;
	usage->reached_end = !found;
	usage->waits_after = waits_until_now();
}

/* Returns whether sends lo..hi completed late. */
static __always_inline bool note_completed(struct usage *usage, u32 lo, u32 hi)
{
	bool late = usage->has_completed && (int)(lo - usage->completed_end) < 0;

	if (hi - lo + 1 > usage->sends_per_uarg_max)
		usage->sends_per_uarg_max = hi - lo + 1;
	if (late)
		usage->late_completions += hi - lo + 1;
	if (!usage->has_completed || (int)(hi + 1 - usage->completed_end) > 0)
		usage->completed_end = hi + 1;
	usage->has_completed = 1;
	return late;
}
#endif
