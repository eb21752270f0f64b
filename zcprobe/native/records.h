/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the next record of a stream goes. Filling a record is on the path of every send, so this part is inline. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "decl/recorder.h"
#include "decl/records.h"

/* A recorder begins with one cursor for each stream; the rest of it belongs to records.c. */
struct zc_cursor {
	uint8_t *next;
	uint8_t *end; /* of the chunk */
	size_t record_bytes;
};

void *zc_record_in_next_chunk(struct zc_recorder *recorder, enum zc_stream_index stream);

/* The slot of the next record; NULL when there is no recorder or every chunk is full, which counts the record as lost. The
 * next call hands the slot over, so fill it before that. */
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
