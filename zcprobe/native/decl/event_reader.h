/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the probes' events from the BPF ring buffer. */
#pragma once
#include <stdint.h>

struct zc_event_reader;
/* Starts a thread that moves fixed-size events from a BPF ring buffer to out_fd once per interval. The file gets limit_bytes
 * at most. NULL with errno. */
struct zc_event_reader *zc_event_reader_start(int map_fd, int out_fd, uint32_t event_bytes, int64_t interval_ns,
					      uint64_t limit_bytes);
/* The file's first bytes, event_count events more than before, were read: the file gives back their room. 0 or a negative
 * errno. */
int zc_event_reader_forget(struct zc_event_reader *reader, uint64_t event_count);
/* Stops the thread once every event is read. event_count: all that came; kept_count: those in the file. 0 or a negative
 * errno. */
int zc_event_reader_stop(struct zc_event_reader *reader, uint64_t *event_count, uint64_t *kept_count);
