#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core.h"

enum { BUFFER_BYTES = 1 << 20 };

/* Position of the first byte that differs from the expected ones, in the stream. */
static uint64_t find_mismatch(const uint8_t *got, const uint8_t *expected, size_t count, uint64_t position)
{
	size_t i = 0;

	while (i < count && got[i] == expected[i])
		i++;
	return position + i;
}

int zc_sink_run(int fd, struct zc_sink_result *result)
{
	uint8_t *expected = malloc(ZC_PATTERN_BYTES + BUFFER_BYTES), *buffer = malloc(BUFFER_BYTES);
	int status = expected && buffer ? 0 : -ENOMEM;

	*result = (struct zc_sink_result){ .first_mismatch = UINT64_MAX };
	if (!status)
		zc_pattern_fill(expected, ZC_PATTERN_BYTES + BUFFER_BYTES);
	while (!status) {
		ssize_t count = recv(fd, buffer, BUFFER_BYTES, 0);
		const uint8_t *here = expected + result->bytes % ZC_PATTERN_BYTES;

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			status = -errno;
		if (count <= 0)
			break;
		if (!result->bytes)
			result->start_ns = zc_now_ns();
		if (result->first_mismatch == UINT64_MAX && memcmp(buffer, here, count))
			result->first_mismatch = find_mismatch(buffer, here, count, result->bytes);
		result->bytes += count;
		result->end_ns = zc_now_ns();
	}
	free(buffer);
	free(expected);
	return status;
}
