/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a channel, and what the files that move it along share. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core.h"
#include "decl/channel.h"

struct zc_buffers;

struct zc_stall { /* while one write waits inside its policy */
	int64_t start_ns; /* 0: it does not wait */
	int64_t end_ns;
	uint64_t completions; /* read before it */
	uint64_t notifications;
	int result;
};

struct zc_attempt { /* one send and its retries */
	struct zc_stall stall;
	size_t bytes;
	uint32_t attempt_count;
	uint32_t enobufs_count;
	bool zerocopy;
	bool wanted_zerocopy; /* before the policy and the threshold had their say */
};

struct zc_policy_state {
	uint64_t last_drain; /* sends queued then */
	uint32_t copies_since_off;
	bool zerocopy_off;
	bool congested;
	bool hung_up;
};

enum { ZC_CACHE_LINE = 64 };

struct zc_channel {
	/* What every write touches comes first: a send call leaves little in the CPU's caches, and each line costs. */
	_Alignas(ZC_CACHE_LINE) struct zc_result *result;
	struct zc_buffers *buffers;
	int64_t last_end_ns; /* of the last write, 0 when something happened since */
	int64_t next_meminfo_ns;
	uint64_t queued; /* successful zerocopy sends that the kernel gave an id: the next id */
	int stops_ignored; /* while settling: the request that ended the run */
	bool is_uncorked; /* of a corked channel: nothing was written since */
	bool is_tight; /* a write begins when the last one ended, which saves a clock reading */
	bool blocking; /* QEMU's field, whatever the descriptor's real mode */
	bool zerocopied_since_flush; /* a notification without the COPIED code was read */
	bool copied_in_flush; /* the current explicit flush read a COPIED / zerocopied notification */
	bool zerocopied_in_flush;
	struct zc_channel_config config; /* its members up to `engine` belong to the above */
	uint64_t completed; /* of the queued, covered by notifications read */
	void *engine_state; /* the engine's own */
	struct zc_policy_state state;
	uint32_t flush_index;
	_Atomic int64_t deadline_ns; /* absolute; waits end there with -ETIMEDOUT. The thread that watches reads it too */
	_Atomic uint64_t completed_seen; /* `completed`, for the thread that watches, */
	_Atomic bool is_idle; /* and what that thread says: nothing has moved for config.idle_ns */
	/* Set while buffers are used again, which have to know which of their sends are still out. */
	void (*on_completion)(struct zc_channel *channel, uint64_t lo, uint64_t hi);
};

_Static_assert(offsetof(struct zc_channel, config.engine) + sizeof(void *) <= 2 * ZC_CACHE_LINE,
	       "what every write touches lies in two cache lines");

/* ---- wait.c ---- */

/* Waits until one of `wanted`, a set of enum zc_readiness, or until the deadline: what holds now, 0 when the wait ended
 * early, or a negative errno. */
int zc_wait(struct zc_channel *channel, int wanted, int64_t deadline_ns);
ZC_COLD int zc_look_at_signals(const struct zc_channel *channel);

/* -EINTR when a request to stop has come, -ETIMEDOUT past the deadline (which is looked at after a kick only), else 0. */
static inline int zc_must_end(const struct zc_channel *channel)
{
	return zc_stop_requested || zc_kicked ? zc_look_at_signals(channel) : 0;
}

/* ---- cork.c ---- */

/* Sends what a corked socket holds back, which would otherwise wait 200 ms for more bytes. Call it before waiting for the
 * peer; the next write corks the socket again. 0 or a negative errno. */
int zc_uncork(struct zc_channel *channel);
ZC_COLD int zc_cork_again(struct zc_channel *channel);

/* A counter of the result that another process reads meanwhile (decl/result.h). On x86-64 it costs what an ordinary store
 * costs. */
#define ZC_PUBLISH(counter, value) __atomic_store_n(&(counter), (value), __ATOMIC_RELAXED)

/* ---- stall.c ---- */

/* Call begin when a policy may wait. Call end each time a wait finishes; the last one sets the length. No end call means
 * no stall. */
void zc_stall_begin(struct zc_channel *channel, struct zc_attempt *attempt);
void zc_stall_end(struct zc_channel *channel, struct zc_attempt *attempt, int result);
/* The policy has answered without having waited. */
void zc_stall_drop(struct zc_channel *channel);
ZC_COLD void zc_record_stall(struct zc_channel *channel, const struct zc_attempt *attempt);

/* ---- channel.c ---- */

/* The whole write, in as many sends as the socket takes it; 0 or a negative errno. */
int zc_write_all(struct zc_channel *channel, struct zc_part *parts, int part_count, bool zerocopy);
