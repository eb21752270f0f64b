# SPDX-License-Identifier: GPL-2.0-only
"""net.core.optmem_max for one run.

Since 6.8 each network namespace has one (the file exists in a new namespace), and it is set in the sender's. Before,
the whole host has one: it is changed under a lock, noted in the journal, and restored.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from zcprobe.errors import HostError, UsageError
from zcprobe.format.kernel import (
    DEFAULT_OPTMEM_BYTES,
    LARGEST_OPTMEM_BYTES,
    OLD_DEFAULT_OPTMEM_BYTES,
    SKB_TRUESIZE_ZERO_BYTES,
    most_sends_in_flight,
    optmem_for,
)
from zcprobe.host.limits import read_sndbuf_max
from zcprobe.journal import Journal
from zcprobe.lab.leftovers import find_leftovers
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.turns import turn
from zcprobe.lab.undo import OPTMEM_MAX_PATH
from zcprobe.signals import deferred_signals
from zcprobe.workloads import PAGE_BYTES

__all__ = ["OPTMEM_MAX_PATH", "changed_host_value", "changed_optmem_max", "read_optmem_max", "roomy_optmem_bytes"]

_LARGEST_CHARGE_BYTES = 1024
"""Upper bound of a notification's charge: it was 768 to 960 bytes on the tested kernels, 6.1 to 7.3."""

_MOST_UNREAD = 32
"""Unread notifications of an unimpaired path: two CPUs that free data at once leave a few that cannot merge."""


def _read(path: Path) -> int:
    return int(path.read_text())


def _write(path: Path, value: int) -> int:
    """The value in force, read back; HostError if it is not the one that was set."""
    try:
        path.write_text(str(value))
    except OSError as error:
        raise HostError(
            f"{path} cannot be set to {value}: {error.strerror}", "run as root, with /proc/sys writable"
        ) from error
    in_force = _read(path)
    if in_force != value:
        raise HostError(f"{path} is {in_force} after it was set to {value}", "choose a value this kernel accepts")
    return in_force


def read_optmem_max(namespace_name: str) -> int:
    """optmem_max of the namespace: bytes of optmem that each of its sockets may hold."""
    if run_in_namespace(namespace_name, OPTMEM_MAX_PATH.exists):
        return run_in_namespace(namespace_name, lambda: _read(OPTMEM_MAX_PATH))
    return _read(OPTMEM_MAX_PATH)


def roomy_optmem_bytes(send_bytes: int, sndbuf_bytes: int | None) -> int:
    """A limit that no sender of such sends meets on an unimpaired path. It has room for a notification for each send
    that a send buffer lets out, and a quarter more; `sndbuf_bytes` is the value of SO_SNDBUF, or None for the size to
    which TCP lets it grow. Never less than the kernel's default since 6.8."""
    largest_bytes = read_sndbuf_max() if sndbuf_bytes is None else 2 * sndbuf_bytes
    sends = most_sends_in_flight(largest_bytes, send_bytes, PAGE_BYTES)
    needed_bytes = optmem_for(sends * 5 // 4 + _MOST_UNREAD, _LARGEST_CHARGE_BYTES)
    return min(max(DEFAULT_OPTMEM_BYTES, needed_bytes), LARGEST_OPTMEM_BYTES)


def _turn_with(path: Path) -> AbstractContextManager[None]:
    return turn(path.name, f"{path}, of which this kernel has one for the whole host")


@contextmanager
def changed_host_value(path: Path, value: int, journal: Journal) -> Iterator[int]:
    """Holds a sysctl of the whole host at `value`. One run at a time may do this; others wait. Yields the value in
    force.

    HostError if the wait takes too long, or if a dead run left the sysctl changed, because its old value would be lost.
    """
    with _turn_with(path):
        if any(leftover.name == str(path) for leftover in find_leftovers()):
            raise HostError(f"a dead run left {path} changed", "zcprobe doctor --clean restores it")
        old_value = _read(path)
        try:
            with deferred_signals():
                journal.add_sysctl(path, old_value)
                in_force = _write(path, value)
            yield in_force
        finally:
            with deferred_signals():
                path.write_text(str(old_value))
                journal.drop_sysctl(path)


@contextmanager
def changed_optmem_max(namespace_name: str, value_bytes: int | None, journal: Journal) -> Iterator[int]:
    """Sets optmem_max for the sockets in a namespace of this run; None leaves the kernel's value. Yields the bytes in
    force, which no other run changes meanwhile.

    UsageError for a value that no kernel could use, HostError if it cannot be set.
    """
    if value_bytes is not None and not SKB_TRUESIZE_ZERO_BYTES <= value_bytes <= LARGEST_OPTMEM_BYTES:
        raise UsageError(
            f"optmem_max of {value_bytes} bytes is out of range",
            f"choose {SKB_TRUESIZE_ZERO_BYTES} or more; {DEFAULT_OPTMEM_BYTES} is the kernel's default,"
            f" {OLD_DEFAULT_OPTMEM_BYTES} was until 6.7",
        )
    is_per_namespace = run_in_namespace(namespace_name, OPTMEM_MAX_PATH.exists)
    if value_bytes is None:
        with nullcontext() if is_per_namespace else _turn_with(OPTMEM_MAX_PATH):
            yield read_optmem_max(namespace_name)
    elif is_per_namespace:
        # It vanishes with the namespace, so there is nothing to restore.
        yield run_in_namespace(namespace_name, lambda: _write(OPTMEM_MAX_PATH, value_bytes))
    else:
        with changed_host_value(OPTMEM_MAX_PATH, value_bytes, journal) as in_force:
            yield in_force
