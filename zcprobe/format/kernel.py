# SPDX-License-Identifier: GPL-2.0-only
"""Constants and bounds of the kernel that explain the numbers of a run."""

__all__ = [
    "DEFAULT_OPTMEM_BYTES",
    "DEFAULT_TCP_SNDBUF_MAX_BYTES",
    "OLD_DEFAULT_OPTMEM_BYTES",
    "SKB_TRUESIZE_ZERO_BYTES",
    "most_sends_in_flight",
]

SKB_TRUESIZE_ZERO_BYTES = 576
"""SKB_TRUESIZE(0): sock_omalloc() refuses when sk_omem_alloc plus this exceeds optmem_max. It is 576 on every 64-bit
kernel examined."""

DEFAULT_OPTMEM_BYTES = 131072
"""The default of net.core.optmem_max since Linux 6.8, for each network namespace."""

OLD_DEFAULT_OPTMEM_BYTES = 20480
"""The default until Linux 6.7, for the whole host."""

DEFAULT_TCP_SNDBUF_MAX_BYTES = 4 << 20
"""The default of the third number of net.ipv4.tcp_wmem: how far TCP lets a send buffer grow for which SO_SNDBUF was not
set."""


def most_sends_in_flight(sndbuf_bytes: int, send_bytes: int, page_bytes: int = 4096) -> int:
    """How many sends a send buffer (sk_sndbuf) lets out before the first is acknowledged.

    A send takes whole pages of a send buffer, however small it is. A quarter and a few dozen are added because the
    buffer may overshoot, and because a completion may come later than the acknowledgement that frees its place in the
    buffer.
    """
    return sndbuf_bytes * 5 // 4 // max(send_bytes, page_bytes) + 32
