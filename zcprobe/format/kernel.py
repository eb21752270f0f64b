# SPDX-License-Identifier: GPL-2.0-only
"""Constants and bounds of the kernel that explain the numbers of a run."""

__all__ = [
    "DEFAULT_OPTMEM_BYTES",
    "DEFAULT_TCP_SNDBUF_MAX_BYTES",
    "LARGEST_OPTMEM_BYTES",
    "OLD_DEFAULT_OPTMEM_BYTES",
    "SKB_TRUESIZE_ZERO_BYTES",
    "most_sends_in_flight",
    "notifications_that_fit",
    "optmem_for",
    "whole_pages_bytes",
]

SKB_TRUESIZE_ZERO_BYTES = 576
"""SKB_TRUESIZE(0): sock_omalloc() refuses when sk_omem_alloc plus this exceeds optmem_max. It is 576 on every 64-bit
kernel examined."""

DEFAULT_OPTMEM_BYTES = 131072
"""The default of net.core.optmem_max since Linux 6.8, for each network namespace."""

OLD_DEFAULT_OPTMEM_BYTES = 20480
"""The default until Linux 6.7, for the whole host."""

LARGEST_OPTMEM_BYTES = 2**31 - 1
"""The largest net.core.optmem_max, which the kernel keeps in an int."""

DEFAULT_TCP_SNDBUF_MAX_BYTES = 4 << 20
"""The default of the third number of net.ipv4.tcp_wmem: how far TCP lets a send buffer grow for which SO_SNDBUF was not
set."""


def most_sends_in_flight(sndbuf_bytes: int, send_bytes: int, page_bytes: int = 4096) -> int:
    """How many sends of TCP are unacknowledged at once if the send buffer (sk_sndbuf) alone limits the sender.

    A send takes whole pages of the buffer, and at least one skb (tcp_sendmsg_locked(), __zerocopy_sg_from_iter()). Two
    sends more have a notification: the one that found room and overshoots, and the next one, which waits for room.
    """
    return sndbuf_bytes // (whole_pages_bytes(send_bytes, page_bytes) + SKB_TRUESIZE_ZERO_BYTES) + 2


def whole_pages_bytes(send_bytes: int, page_bytes: int = 4096) -> int:
    """The bytes of the pages that a send of a buffer that begins with a page takes."""
    return -(-send_bytes // page_bytes) * page_bytes


def notifications_that_fit(optmem_max_bytes: int, charge_bytes: int) -> int:
    """How many notifications optmem holds when the next one is refused: sock_omalloc() checks before it charges.
    `optmem_max_bytes`: the limit, less what the socket holds besides notifications, SKB_TRUESIZE(0) or more."""
    return max(optmem_max_bytes - SKB_TRUESIZE_ZERO_BYTES, 0) // charge_bytes + 1


def optmem_for(notifications: int, charge_bytes: int) -> int:
    """The smallest limit, in bytes, into which so many notifications fit: the inverse of `notifications_that_fit`.
    The last one is charged if SKB_TRUESIZE(0) is left beside the others."""
    return max(notifications - 1, 0) * charge_bytes + SKB_TRUESIZE_ZERO_BYTES
