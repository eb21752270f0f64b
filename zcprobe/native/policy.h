/* SPDX-License-Identifier: GPL-2.0-only */
/* What a channel asks of its policy. */
#pragma once
#include <stdbool.h>

#include "decl/policies.h"

struct zc_channel;
struct zc_attempt;

/* What becomes of a write for which there was no room: it is sent again, it is sent as a copy, or it fails for good. */
enum zc_verdict { ZC_RETRY, ZC_COPY, ZC_DEAD };

struct zc_policy {
	const char *name;
	bool blocking; /* what QEMU's field of that name holds when the channel is opened, see flush_once() */
	/* Optional: a look before a send. 0 or a negative errno; may clear attempt->zerocopy. */
	int (*before_send)(struct zc_channel *channel, struct zc_attempt *attempt);
	/* The answer when the engine had no room for one more notification: a verdict, or a negative errno. */
	int (*on_no_room)(struct zc_channel *channel, struct zc_attempt *attempt);
};
