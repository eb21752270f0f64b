# SPDX-License-Identifier: GPL-2.0-only
"""How a watched process uses a socket: which threads send and read, how much, and whether they wait."""

import socket
import struct
from typing import Any

import msgspec

from zcprobe.probes.socket_looks import endpoint

__all__ = ["Reader", "Sender", "SocketUsage", "ends_of", "median_of_classes", "socket_usage"]


class Sender(msgspec.Struct, frozen=True):
    """A thread that sends on a socket; `tid` and `tgid` are its ids in the first pid namespace."""

    tid: int
    tgid: int
    comm: str
    sends: int
    enobufs: int


class Reader(msgspec.Struct, frozen=True):
    """A thread that reads a socket's error queue."""

    tid: int
    tgid: int
    comm: str
    notifications: int


class SocketUsage(msgspec.Struct, frozen=True, kw_only=True):
    """One socket. `address` and `inode` tell it from all others. `local` and `remote` are its ends when a program first
    saw it, as `address:port`; None for one that has none. `next_send_id`: sk_zckey when the last send call returned.
    `sends` are zerocopy sends and `plain_sends` the other successful calls.

    `outstanding_max`: most sends whose notification nobody had read. `flushes`: how often the last sender read the
    error queue before its next send call; `flushes_waited`, those in which it waited for the socket (bpf/waits.h);
    `flushes_in_vain`, those after an ENOBUFS that read until EAGAIN without a wait and were followed by ENOBUFS again.
    `late_completions`: completions of sends before one that had completed already; `holders`: stack id of the last
    holder -> such completions. `senders` has the first eight threads and `readers` the first four; `sends_of_others`
    and `reads_of_others` are those of further ones.
    """

    address: int
    inode: int
    family: int
    protocol: int
    local: str | None
    remote: str | None
    next_send_id: int
    sends: int
    plain_sends: int
    bytes_sent: int
    send_bytes_median: int | None
    outstanding_max: int
    in_flight_peak_bytes: int
    unread_peak_bytes: int
    sends_per_uarg_max: int
    tail_lo: int
    tail_hi: int
    late_completions: int
    last_read_ns: int
    flushes: int
    flushes_waited: int
    flushes_in_vain: int
    flush_ns_max: int
    sends_of_others: int
    reads_of_others: int
    senders: list[Sender]
    readers: list[Reader]
    holders: dict[int, int]


_SAME = (
    "inode",
    "family",
    "protocol",
    "bytes_sent",
    "outstanding_max",
    "in_flight_peak_bytes",
    "unread_peak_bytes",
    "sends_per_uarg_max",
    "tail_lo",
    "tail_hi",
    "late_completions",
    "last_read_ns",
    "flushes",
    "flushes_waited",
    "flushes_in_vain",
    "flush_ns_max",
    "sends_of_others",
    "reads_of_others",
)


def median_of_classes(counts: list[int], sums: list[int]) -> int | None:
    """The median of values of which only the number and the sum in each class are known, in ascending order: the mean
    of the median's class, which is exact if all its values are equal. None if there are no values."""
    before, total = 0, sum(counts)
    for count, size_sum in zip(counts, sums, strict=True):
        before += count
        if total and 2 * before >= total:
            return size_sum // count
    return None


def ends_of(family: int, ends: dict[str, Any]) -> tuple[str | None, str | None]:
    """Local and remote end as `address:port`, from `struct addresses` of addresses.h, given as a dict of its members;
    None for one that the socket has not."""
    port = socket.ntohs(ends["remote_port"])
    local = endpoint(family, struct.pack("=2Q", *ends["local"]), ends["local_port"])
    return local, endpoint(family, struct.pack("=2Q", *ends["remote"]), port) if port else None


def socket_usage(state: dict[str, Any], holders: dict[int, int]) -> SocketUsage:
    """From `struct socket_state` of socket_state.h, given as a dict of its members."""
    usage = state["usage"]
    local, remote = ends_of(usage["family"], usage["ends"])
    return SocketUsage(
        address=state["sk"],
        local=local,
        remote=remote,
        next_send_id=state["next_send_id"],
        sends=usage["zerocopy_sends"],
        plain_sends=max(0, usage["send_calls"] - usage["zerocopy_sends"]),
        send_bytes_median=median_of_classes(usage["size_counts"], usage["size_bytes"]),
        senders=[msgspec.convert(one, Sender) for one in usage["senders"] if one["tid"]],
        readers=[msgspec.convert(one, Reader) for one in usage["readers"] if one["tid"]],
        holders=holders,
        **{name: usage[name] for name in _SAME},
    )
