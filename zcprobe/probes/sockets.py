"""What the probes counted per socket inside the kernel, at every level."""

from typing import Any

import msgspec

from zcprobe.format.causes import CAUSES
from zcprobe.native import lib

__all__ = ["SocketCounts", "socket_counts"]


class SocketCounts(msgspec.Struct, frozen=True):
    """One socket. `enobufs`: cause -> calls; notifications by how they ended; bytes are levels of optmem.

    `enobufs_optmem_bytes` and `enobufs_depth` are levels and queue depths, summed over the ENOBUFS by optmem.
    `copies_unsure`: sends of which `completions_copied` may be wrong, because their neighbour had gone when we looked.
    `sends` is sk_zckey: the zerocopy sends that the kernel accepted, modulo 2^32.
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


_ENDS = ("appended", "merged", "read", "purged", "discarded", "refused")
_SAME = (
    "cookie",
    "enobufs_optmem_bytes",
    "enobufs_depth",
    "completions_read",
    "completions_copied",
    "copies_unsure",
    "uargs_charged",
    "uargs_extended",
    "optmem_peak_bytes",
    "optmem_max_bytes",
    "errqueue_depth_max",
    "charge_bytes",
)


def socket_counts(state: dict[str, Any]) -> SocketCounts:
    """From `struct socket_state` of maps.h, as a dict of its members."""
    ends = {name: state["notifications"][getattr(lib, f"ZC_EVENT_{name.upper()}")] for name in _ENDS}
    return SocketCounts(
        sends=state["next_send_id"],
        closed=bool(state["is_closed"]),
        enobufs={cause: count for cause, count in zip(CAUSES, state["enobufs"], strict=True) if count},
        **ends,
        **{name: state[name] for name in _SAME},
    )
