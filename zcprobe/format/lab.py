# SPDX-License-Identifier: GPL-2.0-only
"""Where a run took place: the member `lab` of run.json."""

import msgspec

from zcprobe.config import DEFAULT_PORT

__all__ = ["Lab"]


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """A lab. `impairment` has every parameter in effect, with units in its keys.

    `scatter_gather` is NETIF_F_SG of the sender's device: without it the kernel copies the data of each send.
    `mtu_bytes` is its MTU: larger datagrams are fragmented. `sink_port` is DEFAULT_PORT in runs made before it was
    stored, because every sink of ours listened there.
    """

    scenario: str
    sender_netns_path: str | None
    sink_netns_path: str | None
    sender_netns_inode: int
    sender_address: str
    sink_address: str
    sink_port: int = DEFAULT_PORT
    optmem_max_bytes: int
    impairment: dict[str, int | str | None]
    sender_device: str | None = None
    scatter_gather: bool | None = None
    mtu_bytes: int | None = None
