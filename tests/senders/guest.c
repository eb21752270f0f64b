// SPDX-License-Identifier: GPL-2.0-only
/*
 * The only program of the guest that is migrated, as its /init. It fills a working set with pages that differ, then
 * writes to them at a constant rate, in order, and checks each page before it writes to it. A line a second tells how
 * far it is; the kernel's command line gives zc_mib and zc_dirty_mib.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define WORDS (PAGE_BYTES / sizeof(uint64_t))
#define CHECKED_STRIDE 32 /* words; emulation is too slow to check every word of every page */
#define TICK_NS 10000000L
#define TICKS_PER_SECOND (1000000000L / TICK_NS)

/* The first word of a page counts the writes to it. The others follow from the page's number and their place. */
static uint64_t expected_word(uint64_t page, uint64_t place)
{
	return (page + 1) * 0x9e3779b97f4a7c15ULL ^ place * 0xc2b2ae3d27d4eb4fULL;
}

static uint64_t setting(const char *name)
{
	const char *text = getenv(name);

	if (!text || !atoi(text)) {
		printf("guest: no %s on the kernel's command line\n", name);
		exit(1);
	}
	return strtoull(text, NULL, 10);
}

static void fill(uint64_t *memory, uint64_t page_count)
{
	for (uint64_t page = 0; page < page_count; page++)
		for (uint64_t place = 1; place < WORDS; place++)
			memory[page * WORDS + place] = expected_word(page, place);
}

static int is_as_written(const uint64_t *memory, uint64_t page, uint64_t writes)
{
	const uint64_t *words = memory + page * WORDS;

	for (uint64_t place = CHECKED_STRIDE; place < WORDS; place += CHECKED_STRIDE)
		if (words[place] != expected_word(page, place))
			return 0;
	return words[0] == writes;
}

/* Writes to the next pages, each of which has been written to as often as the whole set has been gone through. */
static uint64_t write_pages(uint64_t *memory, uint64_t page_count, uint64_t written, uint64_t count)
{
	for (uint64_t end = written + count; written < end; written++) {
		uint64_t page = written % page_count, writes = written / page_count;

		if (!is_as_written(memory, page, writes)) {
			printf("guest: page %llu is not as it was written\n", (unsigned long long)page);
			exit(1);
		}
		memory[page * WORDS] = writes + 1;
	}
	return written;
}

static void wait_for_tick(struct timespec *next)
{
	next->tv_nsec += TICK_NS;
	if (next->tv_nsec >= 1000000000L) {
		next->tv_nsec -= 1000000000L;
		next->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL);
}

int main(void)
{
	uint64_t page_count = setting("zc_mib") * (1 << 20) / PAGE_BYTES;
	uint64_t per_tick = setting("zc_dirty_mib") * (1 << 20) / PAGE_BYTES / TICKS_PER_SECOND;
	uint64_t *memory = mmap(NULL, page_count * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);
	uint64_t written = 0;
	struct timespec next;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (memory == MAP_FAILED) {
		printf("guest: not enough memory\n");
		return 1;
	}
	fill(memory, page_count);
	printf("guest: ready\n");
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint64_t tick = 1;; tick++) {
		written = write_pages(memory, page_count, written, per_tick);
		if (tick % TICKS_PER_SECOND == 0)
			printf("guest: wrote to %llu pages\n", (unsigned long long)written);
		wait_for_tick(&next);
	}
}
