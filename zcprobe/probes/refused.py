# SPDX-License-Identifier: GPL-2.0-only
"""Threads and sockets of watched processes whose send calls were refused, as the probes note them at the refusal."""

from typing import Any, NamedTuple

import msgspec

from zcprobe.probes.usage import ends_of

__all__ = ["Refused", "RefusedSocket", "RefusedThread", "refused_socket"]


class RefusedThread(msgspec.Struct, frozen=True):
    """A thread: its process as the first pid namespace numbers it, and its name."""

    tgid: int
    comm: str


class RefusedSocket(NamedTuple):
    """A socket: `key` tells it from all others, as that of a look. `local` and `remote` are its ends, as
    `address:port`. `charge_bytes`: what one of its notifications holds of optmem; 0 if none was seen."""

    key: tuple[int, int]
    local: str | None
    remote: str | None
    charge_bytes: int


class Refused(NamedTuple):
    """`threads` by their ids, and `sockets` by their cookies. Each has at most the last 4096."""

    threads: dict[int, RefusedThread]
    sockets: dict[int, RefusedSocket]


def refused_socket(members: dict[str, Any]) -> RefusedSocket:
    """From `struct refused_socket` of enobufs.h, given as a dict of its members."""
    local, remote = ends_of(members["family"], members["ends"])
    return RefusedSocket((members["sk"], members["inode"]), local, remote, members["charge_bytes"])
