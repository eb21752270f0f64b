# SPDX-License-Identifier: GPL-2.0-only
"""The sockets that a diagnosis is about, sums over them, and how a sentence names them."""

from collections import Counter
from collections.abc import Iterable, Sequence

from zcprobe.format.attachment import Observation, SocketSummary

__all__ = [
    "MIGRATION_THREADS",
    "bytes_per_send",
    "counted",
    "is_qemu",
    "most_frequent",
    "name_of",
    "of_sockets",
    "total",
    "zerocopy_sockets",
]

MIGRATION_THREADS = ("multifdsend", "mig/src/send")
"""What the names of QEMU's sending threads begin with, in 7.2 and in 10.0 and later. They exist only while a migration
runs."""

_QEMU = (*MIGRATION_THREADS, "qemu", "kvm")
"""What the names of QEMU's sending threads and of its processes begin with."""

_PROTOCOLS = {"tcp": "TCP", "udp": "UDP"}


def zerocopy_sockets(seen: Observation) -> list[SocketSummary]:
    return [socket for socket in seen.sockets if socket.uses_zerocopy]


def bytes_per_send(socket: SocketSummary) -> int | None:
    """The median of zerocopy sends. Where it was not seen, all bytes over zerocopy sends, which is never less than
    their mean; None if that was not seen either."""
    if socket.send_bytes_median is not None:
        return socket.send_bytes_median
    if socket.bytes_sent is None or not socket.sends:
        return None
    return socket.bytes_sent // socket.sends


def is_qemu(seen: Observation) -> bool:
    """Whether the sender is a QEMU, for which a finding can say more."""
    comms = [thread.comm for thread in seen.threads] + [process.comm for process in seen.processes]
    return any(comm.startswith(_QEMU) for comm in comms)


def total(values: Iterable[int | None]) -> int | None:
    """The sum of what was seen; None if nothing was."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def counted(parts: Iterable[dict[str, int] | None]) -> dict[str, int] | None:
    """The counts of all parts that were seen, added up by name, the highest first; None if no part was seen."""
    known = [part for part in parts if part is not None]
    sums: Counter[str] = Counter()
    for part in known:
        sums.update(part)
    return dict(sums.most_common()) if known else None


def most_frequent(counts: dict[str, int] | None) -> str | None:
    """The name with the highest count; None without counts."""
    return max(counts, key=counts.__getitem__) if counts else None


def name_of(socket: SocketSummary) -> str:
    """`the socket to 10.0.0.2:4444 (descriptor 23 of process 411)`, as far as that is known."""
    words = f"the {_PROTOCOLS.get(socket.protocol, socket.protocol)} socket"
    if socket.remote:
        words += f" to {socket.remote}"
    if socket.fd is None:
        return words
    return f"{words} (descriptor {socket.fd}{f' of process {socket.pid}' if socket.pid is not None else ''})"


def of_sockets(count: int, sockets: Sequence[SocketSummary]) -> str:
    """`the only zerocopy socket`, `both zerocopy sockets`, `all 8 zerocopy sockets` or `3 of 8 zerocopy sockets`."""
    if count < len(sockets):
        return f"{count} of {len(sockets)} zerocopy sockets"
    return {1: "the only zerocopy socket", 2: "both zerocopy sockets"}.get(count, f"all {count} zerocopy sockets")
