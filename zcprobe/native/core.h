/* What the C files of the core share beyond the public interface. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "sender.h"

struct zc_channel {
	const struct zc_config *config;
	const struct zc_policy *policy;
	struct zc_result *result;
	uint64_t queued;	/* successful zerocopy sendmsg calls */
	uint64_t completed;	/* of these, covered by notifications read */
	bool blocking;		/* the field of QEMU's channel, whatever the descriptor's real mode */
	bool zerocopied_since_flush;	/* a notification without the COPIED code was read */
	bool copied_in_flush;	/* the current flush read a COPIED / zerocopied notification */
	bool zerocopied_in_flush;
	uint32_t flush_index;
	int64_t deadline_ns;	/* absolute; waits end here with -ETIMEDOUT */
	int64_t next_meminfo_ns;
};

enum zc_verdict { ZC_RETRY, ZC_DEAD };

/* A policy is a name, the value of the channel's blocking field, and an answer to ENOBUFS. */
struct zc_policy {
	const char *name;
	bool blocking;
	/* attempt counts from 1; ZC_RETRY, ZC_DEAD or a negative errno of a failed flush */
	int (*on_enobufs)(struct zc_channel *channel, uint32_t attempt);
};

const struct zc_policy *zc_policy_of(enum zc_policy_id id);

/* errqueue.c */
int zc_flush_internal(struct zc_channel *channel, bool block, enum zc_flush_trigger trigger);
int zc_flush(struct zc_channel *channel);
void zc_meminfo(struct zc_channel *channel, enum zc_meminfo_reason reason);

/* records.c: the slot of the next record; NULL when there is no recorder or every chunk is full (counted as lost).
 * A slot is handed over by the next call, so it is filled before that. */
void *zc_record(struct zc_recorder *recorder, enum zc_stream_index stream);

/* process.c */
extern volatile sig_atomic_t zc_stop_requested;
extern volatile sig_atomic_t zc_alarm_rang;	/* not before the deadline, or a request to stop */
void zc_catch_signals(int64_t deadline_ns);
void zc_restore_signals(void);

static inline int64_t zc_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}
