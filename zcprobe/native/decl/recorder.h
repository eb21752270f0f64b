/* SPDX-License-Identifier: GPL-2.0-only */
/* Record streams: chunks handed to a writer thread. */
#pragma once
#include <stdint.h>

enum zc_stream_index {
	ZC_STREAM_SEND,
	ZC_STREAM_NOTIFICATION,
	ZC_STREAM_FLUSH,
	ZC_STREAM_MEMINFO,
	ZC_STREAM_ROUND,
	ZC_STREAM_REQUEST,
	ZC_STREAM_STALL,
	ZC_STREAM_TCP_INFO,
	ZC_STREAM_COUNT,
};

struct zc_recorder;

/* fds[i] receives the raw records of stream i. Each stream holds chunk_records * chunk_count records in memory; the files
 * together hold limit_bytes, and at most two chunks of each stream more. NULL with errno. */
struct zc_recorder *zc_recorder_open(const int *fds, uint32_t chunk_records, uint32_t chunk_count, uint64_t limit_bytes);
/* Writes what is left and stops the writer thread. 0 or the negative errno of a failed write. For each stream: how many records
 * were lost, how many were made, and how many of these, from the first on, are in the file. */
int zc_recorder_close(struct zc_recorder *recorder, uint64_t *lost_count, uint64_t *record_count, uint64_t *kept_count);
/* Waits until every full chunk is in its file. For the thread that records. */
void zc_recorder_sync(struct zc_recorder *recorder);
