/* What the C files of the core share beyond the public interface. */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "decl/attach.h"
#include "decl/btf.h"
#include "decl/channel.h"
#include "decl/content.h"
#include "decl/event_reader.h"
#include "decl/notification.h"
#include "decl/process.h"
#include "decl/recorder.h"
#include "decl/records.h"
#include "decl/result.h"
#include "decl/sink.h"
#include "decl/traffic.h"

/* Not on the way of a send that the kernel takes at once. Kept out of its code: a send call leaves little of that in the
 * CPU's caches, too. */
#define ZC_COLD __attribute__((cold, noinline))

struct zc_stall {	/* while one write waits inside its policy */
	int64_t start_ns;	/* 0: it does not */
	int64_t end_ns;
	uint64_t completions;	/* read before it */
	uint64_t notifications;
	int result;
};

struct zc_attempt {	/* one send and its retries */
	struct zc_stall stall;
	size_t bytes;
	uint32_t attempt_count;
	uint32_t enobufs_count;
	int error;	/* errno of the last attempt */
	bool zerocopy;
	bool wanted_zerocopy;	/* before policy and threshold had their say */
};

/* A policy: an optional look before a send (0 or a negative errno; may clear attempt->zerocopy) and an answer to
 * ENOBUFS (a verdict, or a negative errno). `blocking` is what QEMU's field of that name holds, see flush_once(). */
enum zc_verdict { ZC_RETRY, ZC_COPY, ZC_DEAD };

struct zc_policy {
	const char *name;
	bool blocking;
	int (*before_send)(struct zc_channel *channel, struct zc_attempt *attempt);
	int (*on_enobufs)(struct zc_channel *channel, struct zc_attempt *attempt);
};

struct zc_policy_state {
	uint64_t last_drain;	/* sends queued then */
	uint32_t copies_since_off;
	bool zerocopy_off;
	bool congested;
	bool hung_up;
};

struct zc_buffers;

struct zc_channel {
	/* What every write touches comes first: a send call leaves little in the CPU's caches, and each line costs. */
	struct zc_result *result;
	const struct zc_policy *policy;
	struct zc_buffers *buffers;
	int64_t last_end_ns;	/* of the last write, 0 when something happened since */
	int64_t next_meminfo_ns;
	uint64_t queued;	/* successful zerocopy sendmsg calls that the kernel gave an id: the next id */
	int stops_ignored;	/* while settling: the request that ended the run */
	bool is_uncorked;	/* of a corked channel: nothing was written since */
	bool is_tight;	/* nothing happens between two writes: one begins when the last has ended, and a clock is saved */
	bool blocking;		/* QEMU's field, whatever the descriptor's real mode */
	bool zerocopied_since_flush;	/* a notification without the COPIED code was read */
	bool copied_in_flush;	/* the current explicit flush read a COPIED / zerocopied notification */
	bool zerocopied_in_flush;
	struct zc_channel_config config;	/* its first members belong to the above */
	uint64_t completed;	/* of the queued, covered by notifications read */
	struct zc_policy_state state;
	uint64_t entries_read;	/* from the error queue */
	uint64_t entries_at_wake;	/* when a wait last ended with POLLERR */
	uint32_t flush_index;
	_Atomic int64_t deadline_ns;	/* absolute; waits end there with -ETIMEDOUT. The thread that watches looks, too */
	_Atomic uint64_t completed_seen;	/* `completed`, for the thread that watches, */
	_Atomic bool is_idle;			/* and what it says: nothing has moved for config.idle_ns */
	/* a buffer in use again tells which of its sends are still out; NULL: nobody asks */
	void (*on_completion)(struct zc_channel *channel, uint64_t lo, uint64_t hi);
};

/* errqueue.c */
int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger);
/* Reads and waits until `percent` of optmem_max is free (1), or the deadline has come (0), or a negative errno. */
int zc_flush_until_free(struct zc_channel *channel, uint32_t percent, int64_t deadline_ns, enum zc_flush_trigger trigger);
uint32_t zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason);
bool zc_has_free(struct zc_channel *channel, uint32_t percent);
/* Whether optmem can be above `percent` of the limit if every outstanding send is charged on its own. */
bool zc_may_exceed(const struct zc_channel *channel, uint32_t percent);
/* Polls until one of `events` or the deadline: its revents, 0 when interrupted, or a negative errno. */
int zc_wait(struct zc_channel *channel, short events, int64_t deadline_ns);

/* records.c: where the next record of a stream goes. A recorder begins with one for each; the rest of it is its own. */
struct zc_cursor {
	uint8_t *next;
	uint8_t *end;	/* of the chunk */
	size_t record_bytes;
};

void *zc_record_in_next_chunk(struct zc_recorder *recorder, enum zc_stream_index stream);

/* The slot of the next record; NULL when there is no recorder or every chunk is full (counted as lost). A slot is handed
 * over by the next call, so it is filled before that. */
static inline void *zc_record(struct zc_recorder *recorder, enum zc_stream_index stream)
{
	struct zc_cursor *cursor = (struct zc_cursor *)recorder + stream;
	uint8_t *slot;

	if (!recorder)
		return NULL;
	if (cursor->next == cursor->end)
		return zc_record_in_next_chunk(recorder, stream);
	slot = cursor->next;
	cursor->next += cursor->record_bytes;
	return slot;
}

/* channel.c: a policy begins to wait, or might; the last call that ends it counts, and without one there was no stall */
void zc_stall_begin(struct zc_channel *channel, struct zc_attempt *attempt);
void zc_stall_end(struct zc_attempt *attempt, int result);
/* Sends what a corked socket holds back, which otherwise waits 200 ms for more bytes; the next write corks it again. Who
 * waits for the peer does it first. 0 or a negative errno. */
int zc_uncork(struct zc_channel *channel);
/* the whole write, in as many sends as the socket takes it; 0 or a negative errno */
int zc_write_all(struct zc_channel *channel, struct zc_part *parts, int part_count, bool zerocopy);

/* buffers.c: where a write takes its bytes from */
struct zc_buffers *zc_buffers_open(struct zc_channel *channel, enum zc_reuse reuse, uint32_t largest_write);
void zc_buffers_close(struct zc_buffers *buffers);
/* Bytes that carry the content of payload position `position`; NULL with errno. Give them back when written. */
const uint8_t *zc_buffers_take(struct zc_channel *channel, uint64_t position, uint32_t count);
void zc_buffers_give(struct zc_channel *channel);

/* process.c */
#define ZC_KICK_SIGNAL SIGALRM
/* set in signal handlers and read by every thread: atomic, and lock-free on all that Linux runs on */
extern _Atomic int zc_stop_requested;	/* how often */
extern _Atomic int zc_kicked;	/* not before a deadline, or a request to stop */
extern _Atomic int zc_run_is_active;	/* else a signal is the caller's: Python's handler wants to run */

ZC_COLD int zc_look_at_signals(const struct zc_channel *channel);

/* -EINTR when a request to stop has come, -ETIMEDOUT past the deadline (looked at after a kick), else 0 */
static inline int zc_must_end(const struct zc_channel *channel)
{
	return zc_stop_requested || zc_kicked ? zc_look_at_signals(channel) : 0;
}

void zc_catch_signals(void);
void zc_restore_signals(void);
int zc_start_thread(pthread_t *thread, void *(*run)(void *), void *argument);

static inline int64_t zc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}
