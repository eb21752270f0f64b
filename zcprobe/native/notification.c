// SPDX-License-Identifier: GPL-2.0-only
/* What a control message of the error queue says, or which of the sender's checks it fails.
 *
 * A sender that believes the message unchecked may count sends that were never made. Nothing is read beyond `length`.
 */
#include <time.h> /* linux/errqueue.h needs struct timespec */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "decl/notification.h"

#ifndef SOL_VSOCK
#define SOL_VSOCK 287
#endif
#ifndef VSOCK_RECVERR
#define VSOCK_RECVERR 1
#endif

static bool is_extended_err(const struct cmsghdr *header)
{
	if (header->cmsg_len < CMSG_LEN(sizeof(struct sock_extended_err)))
		return false;
	return (header->cmsg_level == SOL_IP && header->cmsg_type == IP_RECVERR) ||
	       (header->cmsg_level == SOL_IPV6 && header->cmsg_type == IPV6_RECVERR) ||
	       (header->cmsg_level == SOL_VSOCK && header->cmsg_type == VSOCK_RECVERR);
}

/* On a socket that asked for times (SO_TIMESTAMP, SO_TIMESTAMPING) they come in messages before the one looked for. */
static bool find_extended_err(const uint8_t *control, size_t length, struct sock_extended_err *error)
{
	struct cmsghdr header;

	for (size_t at = 0; at < length && length - at >= sizeof(header); at += CMSG_ALIGN(header.cmsg_len)) {
		memcpy(&header, control + at, sizeof(header));
		if (header.cmsg_len < sizeof(header) || header.cmsg_len > length - at)
			return false;
		if (is_extended_err(&header)) {
			memcpy(error, control + at + CMSG_LEN(0), sizeof(*error));
			return true;
		}
	}
	return false;
}

enum zc_check zc_decode_notification(const void *control, size_t length, struct zc_notification *notification)
{
	struct sock_extended_err error;

	memset(notification, 0, sizeof(*notification));
	if (!find_extended_err(control, length, &error))
		return ZC_CHECK_CMSG;
	notification->error = error.ee_errno;
	notification->origin = error.ee_origin;
	if (error.ee_errno)
		return ZC_CHECK_ERRNO;
	if (error.ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		return ZC_CHECK_ORIGIN;
	if (error.ee_data - error.ee_info > INT32_MAX) /* modulo 2^32: a merged range may cross the wrap */
		return ZC_CHECK_BOUNDS;
	notification->lo = error.ee_info;
	notification->count = error.ee_data - error.ee_info + 1;
	notification->copied = error.ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return ZC_CHECK_NONE;
}
