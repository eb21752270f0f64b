# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel counted for each socket while a run was watched: the member `sockets` of run.json."""

import msgspec

__all__ = ["SocketCounts"]


class SocketCounts(msgspec.Struct, frozen=True):
    """One socket. `enobufs`: cause -> calls; notifications by how they ended; bytes are levels of optmem.

    `enobufs_optmem_bytes` and `enobufs_depth` are levels and queue depths, summed over the ENOBUFS by optmem.
    `copies_unsure`: sends for which `completions_copied` may be wrong, because their neighbour on the queue was gone
    when we looked. `optmem_max_bytes` is read when a TCP socket is destroyed; of other sockets it is 0. `sends` is
    sk_zckey: the zerocopy sends that the kernel accepted, modulo 2^32.
    """

    cookie: int
    sends: int
    closed: bool
    enobufs: dict[str, int]
    enobufs_optmem_bytes: int
    enobufs_depth: int
    appended: int
    merged: int
    read: int
    purged: int
    discarded: int
    refused: int
    completions_read: int
    completions_copied: int
    copies_unsure: int
    uargs_charged: int
    uargs_extended: int
    optmem_peak_bytes: int
    optmem_max_bytes: int
    errqueue_depth_max: int
    charge_bytes: int
    first_send_id: int | None = None
    first_optmem_bytes: int | None = None
