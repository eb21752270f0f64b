/* SPDX-License-Identifier: GPL-2.0-only */
/* One entry of the error queue, and the checks that it has to pass. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum zc_check {
	ZC_CHECK_NONE,
	ZC_CHECK_READ,  /* recvmsg(MSG_ERRQUEUE) failed */
	ZC_CHECK_CMSG,  /* no control message is an IP_RECVERR, IPV6_RECVERR or VSOCK_RECVERR */
	ZC_CHECK_ERRNO,  /* ee_errno is set: a real socket error */
	ZC_CHECK_ORIGIN, /* ee_origin is not SO_EE_ORIGIN_ZEROCOPY */
	ZC_CHECK_BOUNDS, /* ee_data < ee_info, modulo 2^32 */
	ZC_CHECK_COUNT,  /* more completions than sends were made: calls and ids are not one to one */
};

struct zc_notification { /* if a check failed, all but error and origin are 0 */
	uint32_t lo;
	uint32_t count; /* 1 to 2^31 sends from lo on, modulo 2^32 */
	uint32_t error; /* ee_errno */
	uint8_t origin;
	uint8_t copied;
};

/* Decodes `length` bytes of msg_control as recvmsg(MSG_ERRQUEUE) left them. */
enum zc_check zc_decode_notification(const void *control, size_t length, struct zc_notification *notification);

/* The 64-bit id whose low half is `id` and which is nearest to `near`. */
uint64_t zc_widen(uint64_t near, uint32_t id);
