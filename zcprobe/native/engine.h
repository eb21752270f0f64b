/* SPDX-License-Identifier: GPL-2.0-only */
/* The seam between a channel and a way of sending.
 *
 * An engine hands writes to the kernel and reads back which of them are completed. What that means is decided above it, by
 * the channel, its policy and the flush accounts, none of which names a system call or a poll flag of an engine.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "decl/engines.h"
#include "decl/notification.h"

struct zc_channel;
struct zc_part;

/* What wait() waits for and what it finds: sets of these. */
enum zc_readiness {
	ZC_COMPLETION = 1, /* reap() may find a notification */
	ZC_WRITABLE = 2, /* send() may take bytes */
	ZC_READABLE = 4, /* the peer has sent something: what a sender waits for by mistake, see enum zc_wait_for */
};

struct zc_engine {
	/* Called once, before the first send. 0 or a negative errno; -EOPNOTSUPP where the kernel cannot send that way. */
	int (*open)(struct zc_channel *channel);
	/* One attempt. The bytes taken, or a negative errno: -EAGAIN when the send buffer is full, -ENOBUFS when there is no
	 * room for one more notification, -EINTR when a signal came first. */
	ssize_t (*send)(struct zc_channel *channel, const struct zc_part *parts, int part_count, bool zerocopy);
	/* Reads one notification and gives it to zc_complete(). 1 when it did, 0 when there is none now, or a negative errno,
	 * after which result->error_check names the check that failed. */
	int (*reap)(struct zc_channel *channel);
	/* Waits for one of `wanted`, left_ns at most. What holds now, whether it was wanted or not; 0 when nothing does; or a
	 * negative errno, -EINTR when a signal came first. */
	int (*wait)(struct zc_channel *channel, int wanted, int64_t left_ns);
	/* Called once, after the last of the others. */
	void (*close)(struct zc_channel *channel);
};

/* Every engine. A new one is a file that defines zc_engine_<name>, and its name here. */
#define ZC_ENGINES(ONE) ONE(errqueue)

#define ZC_DECLARE_ENGINE(engine) extern const struct zc_engine zc_engine_##engine;
ZC_ENGINES(ZC_DECLARE_ENGINE)

/* completions.c: accounts for one notification, which has passed its checks. */
void zc_complete(struct zc_channel *channel, const struct zc_notification *notification);
