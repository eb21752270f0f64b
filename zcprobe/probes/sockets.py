# SPDX-License-Identifier: GPL-2.0-only
"""What the probes counted per socket inside the kernel, at every level."""

from typing import Any

from zcprobe.format.causes import CAUSES
from zcprobe.format.sockets import SocketCounts
from zcprobe.native import lib

__all__ = ["socket_counts"]

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
    "first_send_id",
    "first_optmem_bytes",
)


def socket_counts(state: dict[str, Any]) -> SocketCounts:
    """The counts from `struct socket_state` of socket_state.h, given as a dict of its members."""
    ends = {name: state["notifications"][getattr(lib, f"ZC_EVENT_{name.upper()}")] for name in _ENDS}
    return SocketCounts(
        sends=state["next_send_id"],
        closed=bool(state["is_closed"]),
        enobufs={cause: count for cause, count in zip(CAUSES, state["enobufs"], strict=True) if count},
        **ends,
        **{name: state[name] for name in _SAME},
    )
