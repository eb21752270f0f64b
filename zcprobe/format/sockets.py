# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel counted for each socket while a run was watched: the member `sockets` of run.json."""

import msgspec

__all__ = ["SocketCounts"]


class SocketCounts(msgspec.Struct, frozen=True):
    """One socket.

    `sends` is sk_zckey: the zerocopy sends that the kernel accepted, modulo 2^32. `enobufs`: cause -> calls.
    `enobufs_optmem_bytes` and `enobufs_depth` are levels of optmem and depths of the error queue, summed over the
    ENOBUFS whose cause is optmem. `appended` to `refused` count notifications by how they ended. `copies_unsure`: sends
    for which `completions_copied` may be wrong, because their neighbour on the queue was gone when a probe looked.
    `optmem_max_bytes` is read when a TCP socket is destroyed, and is 0 for other sockets. `first_send_id` and
    `first_optmem_bytes` are sk_zckey and the level when a probe first saw the socket; None in runs of version 1 and 2.
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

    def enobufs_held_bytes(self, baseline_bytes: int) -> tuple[int, int]:
        """Charges of sends in flight and of unread notifications, each summed over the ENOBUFS whose cause is optmem.
        `baseline_bytes`: the level without any notification."""
        unread_bytes = self.enobufs_depth * self.charge_bytes
        charged_bytes = self.enobufs_optmem_bytes - self.enobufs.get("optmem", 0) * baseline_bytes
        return charged_bytes - unread_bytes, unread_bytes
