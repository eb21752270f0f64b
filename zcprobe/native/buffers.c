// SPDX-License-Identifier: GPL-2.0-only
/* Where a write takes its bytes from: one mapping that is never overwritten, or slots that are used again.
 *
 * Payload position p always carries pattern[p % ZC_PATTERN_BYTES]. Without reuse a write points into a mapping that holds the
 * pattern once, followed by as much of it as the longest write, so nothing is overwritten while the kernel may read it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "buffers.h"
#include "channel.h"
#include "decl/content.h"
#include "engine.h"
#include "flush.h"

enum { SLOT_COUNT = 64, HUGEPAGE_BYTES = 2 << 20, PAGE_BYTES = 4096, OVERWRITTEN = 0xee };

_Static_assert(!ZC_REUSE_NEVER, "`reuse` is asked for its truth");

struct slot {
	uint64_t first_id; /* of the zerocopy sends that read it */
	uint64_t end_id;
	int64_t open_count; /* sends not completed; negative while the write goes on and its first sends are completed */
};

struct zc_buffers {
	enum zc_reuse reuse;
	uint8_t *bytes;
	size_t mapped_bytes;
	size_t slot_bytes;
	struct slot slots[SLOT_COUNT];
	uint32_t current;
	uint32_t current_count; /* bytes of the current slot in use */
	uint8_t *pattern; /* with reuse: what slots are filled from */
};

static size_t round_up(size_t count, size_t unit)
{
	return (count + unit - 1) / unit * unit;
}

static uint8_t *map(const struct zc_channel_config *config, size_t bytes)
{
	int flags = config->buffer_fd >= 0 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;
	/* If the disk had no room for a page of the file, the first write to that page would raise SIGBUS. */
	int error = config->buffer_fd >= 0 ? posix_fallocate(config->buffer_fd, 0, bytes) : 0;
	uint8_t *mapping;

	if (error) {
		errno = error;
		return NULL;
	}
	if (config->hugepages)
		flags |= MAP_HUGETLB;
	/* The mapping is page-aligned, so a send of whole pages pins no more pages than it needs. */
	mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, config->buffer_fd, 0);
	return mapping == MAP_FAILED ? NULL : mapping;
}

static void note_completion(struct zc_channel *channel, uint64_t lo, uint64_t hi)
{
	for (int i = 0; i < SLOT_COUNT; i++) {
		struct slot *slot = &channel->buffers->slots[i];
		uint64_t first = lo > slot->first_id ? lo : slot->first_id;
		uint64_t end = hi + 1 < slot->end_id ? hi + 1 : slot->end_id;

		if (first < end)
			slot->open_count -= end - first;
	}
}

struct zc_buffers *zc_buffers_open(struct zc_channel *channel, enum zc_reuse reuse, uint32_t largest_write)
{
	struct zc_buffers *buffers = calloc(1, sizeof(*buffers));
	size_t unit = channel->config.hugepages ? HUGEPAGE_BYTES : PAGE_BYTES;

	if (!buffers)
		return NULL;
	buffers->reuse = reuse;
	buffers->slot_bytes = round_up(largest_write, PAGE_BYTES);
	buffers->mapped_bytes = reuse ? buffers->slot_bytes * SLOT_COUNT : ZC_PATTERN_BYTES + (size_t)largest_write;
	buffers->mapped_bytes = round_up(buffers->mapped_bytes, unit);
	buffers->bytes = map(&channel->config, buffers->mapped_bytes);
	if (reuse)
		buffers->pattern = malloc(ZC_PATTERN_BYTES + (size_t)largest_write);
	if (!buffers->bytes || (reuse && !buffers->pattern)) {
		zc_buffers_close(buffers);
		return NULL;
	}
	if (reuse)
		zc_pattern_fill(buffers->pattern, ZC_PATTERN_BYTES + (size_t)largest_write);
	else
		zc_pattern_fill(buffers->bytes, ZC_PATTERN_BYTES + (size_t)largest_write);
	channel->buffers = buffers;
	channel->on_completion = reuse == ZC_REUSE_AFTER_COMPLETION ? note_completion : NULL;
	return buffers;
}

void zc_buffers_close(struct zc_buffers *buffers)
{
	int saved = errno;

	if (buffers->bytes)
		munmap(buffers->bytes, buffers->mapped_bytes);
	free(buffers->pattern);
	free(buffers);
	errno = saved;
}

/* Waits until no send reads the slot any more. 0 or a negative errno. */
static int wait_for_slot(struct zc_channel *channel, const struct slot *slot)
{
	while (slot->open_count) {
		uint64_t completed = channel->completed;
		int status = zc_flush_internal(channel, false, ZC_TRIGGER_REUSE);

		if (status >= 0 && slot->open_count && channel->completed == completed)
			status = zc_wait(channel, ZC_COMPLETION, channel->deadline_ns);
		if (status < 0)
			return status;
	}
	return 0;
}

ZC_COLD static const uint8_t *fill_slot(struct zc_channel *channel, uint64_t in_pattern, uint32_t count)
{
	struct zc_buffers *buffers = channel->buffers;
	struct slot *slot;
	int status;

	buffers->current = (buffers->current + 1) % SLOT_COUNT;
	buffers->current_count = count;
	slot = &buffers->slots[buffers->current];
	status = wait_for_slot(channel, slot);
	if (status < 0) {
		errno = -status;
		return NULL;
	}
	memcpy(buffers->bytes + buffers->current * buffers->slot_bytes, buffers->pattern + in_pattern, count);
	slot->first_id = channel->queued;
	slot->end_id = UINT64_MAX; /* a long write may see its first sends complete before its last is made */
	slot->open_count = 0;
	return buffers->bytes + buffers->current * buffers->slot_bytes;
}

const uint8_t *zc_buffers_take(struct zc_channel *channel, uint64_t position, uint32_t count)
{
	uint64_t in_pattern = position % ZC_PATTERN_BYTES;

	if (channel->buffers->reuse == ZC_REUSE_NEVER)
		return channel->buffers->bytes + in_pattern;
	return fill_slot(channel, in_pattern, count);
}

ZC_COLD static void give_slot(struct zc_channel *channel)
{
	struct zc_buffers *buffers = channel->buffers;
	struct slot *slot = &buffers->slots[buffers->current];

	if (buffers->reuse == ZC_REUSE_AT_ONCE)
		memset(buffers->bytes + buffers->current * buffers->slot_bytes, OVERWRITTEN, buffers->current_count);
	if (buffers->reuse != ZC_REUSE_AFTER_COMPLETION)
		return;
	slot->end_id = channel->queued;
	slot->open_count += slot->end_id - slot->first_id;
}

void zc_buffers_give(struct zc_channel *channel)
{
	if (channel->buffers->reuse != ZC_REUSE_NEVER)
		give_slot(channel);
}
