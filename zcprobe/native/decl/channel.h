/* SPDX-License-Identifier: GPL-2.0-only */
/* A channel: one socket with a policy. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "decl/engines.h"
#include "decl/latency.h"
#include "decl/policies.h"
#include "decl/recorder.h"
#include "decl/result.h"

enum zc_flush_variant { ZC_FLUSH_ALL_COPIED, ZC_FLUSH_STICKY, ZC_FLUSH_ANY_COPIED };

/* What becomes of an entry of the error queue that is not about zerocopy (a timestamp, an ICMP error): either it fails its
 * check, as in QEMU, or it is counted and skipped. It has left the queue in both cases. */
enum zc_foreign { ZC_FOREIGN_ERROR, ZC_FOREIGN_SKIP };

/* What a waiting flush asks poll for. Error-queue data raises POLLERR, never POLLIN. */
enum zc_wait_for { ZC_WAIT_FOR_ERROR, ZC_WAIT_FOR_INPUT, ZC_WAIT_FOR_BOTH };

struct zc_channel_config {
	int fd;   /* connected socket with SO_ZEROCOPY set */
	uint16_t channel;
	uint8_t zerocopy; /* 0: the same loop as a plain copy */
	uint8_t is_datagram;
	struct zc_recorder *recorder; /* NULL: nothing is recorded, and no clock is read per send */
	const struct zc_policy *policy;
	const struct zc_engine *engine;
	struct zc_policy_parameters parameters;
	enum zc_flush_variant flush_variant;
	enum zc_wait_for wait_for;
	enum zc_foreign foreign;
	uint32_t optmem_max_bytes; /* the limit in force, which some policies read */
	uint32_t charge_bytes; /* of one notification, measured */
	int64_t deadline_ns; /* of the whole run, counted from its start */
	int64_t settle_ns; /* longest wait for completions after the outcome is known */
	int64_t idle_ns; /* settling ends once nothing has moved on the path for so long; 0: it does not */
	uint8_t ends_idle; /* once duration_ns is over such a path also ends the run, as a timeout */
	int64_t meminfo_interval_ns;
	uint8_t hugepages; /* buffers: 2 MiB pages */
	int buffer_fd;  /* buffers: a mapping of this file; -1: anonymous */
	int32_t cpu;  /* pin the thread there; -1: nowhere */
	uint8_t is_corked; /* TCP_CORK is set: cleared before each wait for the peer, and at the end */
	uint32_t *request_latencies; /* rpc: a count for each of the ZC_LATENCY_SLOTS; NULL: they are not counted */
};

#define ZC_MAX_PARTS 1024 /* of one write: the kernel's UIO_MAXIOV */

struct zc_part {
	const void *bytes;
	size_t count;
};

struct zc_channel;

/* `result` is kept up to date while the channel is open. NULL with errno when it cannot be opened. */
struct zc_channel *zc_channel_open(const struct zc_channel_config *config, struct zc_result *result);
void zc_channel_close(struct zc_channel *channel);
/* One write. Returns the bytes taken (a partial write is a success), -EAGAIN when a non-blocking socket is full, -ENOBUFS when
 * the policy let the write fail, or another negative errno. */
ssize_t zc_channel_writev(struct zc_channel *channel, const struct zc_part *parts, int part_count, bool zerocopy);
/* Waits for every outstanding notification. Returns 0 or 1 as the flush variant defines it, or a negative errno. */
int zc_channel_flush(struct zc_channel *channel);
/* Reads the notifications that are there now. 0 or a negative errno. */
int zc_channel_drain(struct zc_channel *channel);
/* Sets QEMU's `blocking` field, which the policy sets at first, and the descriptor's mode with it. 0 or a negative errno. */
int zc_channel_set_blocking(struct zc_channel *channel, bool enabled);
uint64_t zc_channel_in_flight(const struct zc_channel *channel);
