// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer's target: parses control messages of the error queue and compares the result with a second parser. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decl/notification.h"

static uint64_t found[ZC_CHECK_BOUNDS + 1];

static void tell(void)
{
	for (int check = 0; check <= ZC_CHECK_BOUNDS; check++)
		fprintf(stderr, "check %d: %llu\n", check, (unsigned long long)found[check]);
}

static uint64_t number(const uint8_t *bytes, int count)
{
	uint64_t value = 0;

	memcpy(&value, bytes, count);
	return value;
}

/* Where the message of interest begins, found in the bytes as the kernel's headers lay them out on 64 bits; SIZE_MAX if there is none. */
static size_t find(const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (at + 16 <= size) {
		uint64_t length = number(bytes + at, 8), level = number(bytes + at + 8, 4),
			 type = number(bytes + at + 12, 4);

		if (length < 16 || length > size - at)
			break;
		if (length >= 32 &&
		    ((level == 0 && type == 11) || (level == 41 && type == 25) || (level == 287 && type == 1)))
			return at;
		at += (length + 7) / 8 * 8;
	}
	return SIZE_MAX;
}

static enum zc_check expected(const uint8_t *bytes)
{
	if (number(bytes + 16, 4))
		return ZC_CHECK_ERRNO;
	if (bytes[20] != 5)
		return ZC_CHECK_ORIGIN;
	return (uint32_t)(number(bytes + 28, 4) - number(bytes + 24, 4)) >> 31 ? ZC_CHECK_BOUNDS : ZC_CHECK_NONE;
}

static void demand(int is_so)
{
	if (!is_so)
		abort();
}

int LLVMFuzzerInitialize(int *argument_count, char ***arguments)
{
	return atexit(tell);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1); /* exact size: reading one byte beyond is seen */
	const uint8_t *message;
	size_t at;
	struct zc_notification notification;
	enum zc_check check;

	memcpy(exact, data, size);
	check = zc_decode_notification(exact, size, &notification);
	found[check]++;
	at = find(exact, size);
	message = exact + (at == SIZE_MAX ? 0 : at);
	demand(check == (at == SIZE_MAX ? ZC_CHECK_CMSG : expected(message)));
	if (check == ZC_CHECK_NONE) {
		uint64_t lo = number(message + 24, 4), hi = number(message + 28, 4);

		demand(notification.lo == lo && (uint32_t)(lo + notification.count - 1) == hi);
		demand(notification.copied == (message[22] & 1) && !notification.error);
	} else {
		demand(notification.origin == (check == ZC_CHECK_CMSG ? 0 : message[20]));
		demand(!notification.count && !!notification.error == (check == ZC_CHECK_ERRNO));
	}
	free(exact);
	return 0;
}
