# SPDX-License-Identifier: GPL-2.0-only
"""A real QEMU whose guest is migrated again and again, each time with another limit, and watched meanwhile."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.senders.attached import attached
from tests.senders.calls import Counts, count_calls, read_calls, traced
from tests.senders.fetch import Qemu, fetch
from tests.senders.guest import boot_options
from tests.senders.machine import Machine, running
from tests.senders.migration import Migration, migrate
from tests.senders.path import MigrationPath, migration_path
from tests.senders.programs import build
from tests.senders.versions import Version
from tests.senders.watch import Watch
from zcprobe.format.attachment import AttachmentSummary, SocketSummary

__all__ = ["Hypervisor", "Observed", "hypervisor"]

_GUEST_LINE_S = 10.0
"""Longest wait for a line of the guest, which prints one a second, at its destination."""
_ATTEMPTS = 4


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """One migration. `threads`: the name of each thread that sent with zerocopy -> what it called, by strace.
    `optmem_peak_bytes`: by ss. `attachment`: what zcprobe attach said of the source. `guest_at_destination`: what the
    guest printed there."""

    version: str
    package: str
    optmem_bytes: int
    migration: Migration
    threads: dict[str, Counts]
    optmem_peak_bytes: int
    attachment: AttachmentSummary
    guest_at_destination: list[str]

    @property
    def survived(self) -> bool:
        return self.migration.status == "completed"

    @property
    def channels(self) -> list[SocketSummary]:
        """The sockets that attach saw to send with zerocopy."""
        return [socket for socket in self.attachment.sockets if socket.zerocopy_enabled and socket.sends]

    @property
    def enobufs(self) -> int:
        return sum(counts.enobufs for counts in self.threads.values())


def _by_name(counts: dict[int, Counts], names: dict[int, str]) -> dict[str, Counts]:
    """Of the threads that sent with zerocopy, or tried to."""
    return {names.get(tid, str(tid)): of for tid, of in counts.items() if of.sends or of.enobufs}


class Hypervisor:
    """The source of the migrations: `machine` runs in the namespace `path.pair.sender`."""

    def __init__(self, version: Version, qemu: Qemu, path: MigrationPath, folder: Path, boot: Sequence[str]) -> None:
        self.version, self.path = version, path
        self._qemu, self._folder, self._boot = qemu, folder, boot
        self.machine: Machine

    @contextmanager
    def booted(self) -> Iterator[None]:
        sender = self.path.pair.sender
        with running(self._qemu, "source", self.version.machine, sender, self._folder, self._boot) as self.machine:
            self.machine.wait_for_guest()
            yield

    @contextmanager
    def _destination(self) -> Iterator[Machine]:
        options = [*self._boot, "-incoming", "defer"]
        sink = self.path.pair.sink
        with running(self._qemu, "destination", self.version.machine, sink, self._folder, options) as destination:
            yield destination

    def migrate_until_refused(self, optmem_bytes: int, downtime_ms: int) -> Observed:
        """A migration that met ENOBUFS, if one of several did. On a busy machine none may come, and then the migration
        says nothing about what the sender does about it."""
        for _ in range(_ATTEMPTS):
            seen = self.migrate(optmem_bytes, downtime_ms)
            if seen.enobufs:
                break
        return seen

    def migrate(
        self, optmem_bytes: int, downtime_ms: int, *, with_strace: bool = True, keep_in: Path | None = None
    ) -> Observed:
        """Migrates the guest once, with these limits of optmem and of its downtime. Afterwards the guest runs on here,
        whether or not it also ran at its destination. Without strace nothing is known of `threads`. `keep_in`: where
        attach makes a run folder of what it saw."""
        calls, sender = self._folder / "calls", self.path.pair.sender
        kept = [] if keep_in is None else ["-o", str(keep_in)]
        watch = Watch(self.machine.pid, sender.name)
        with self._destination() as destination:
            with (
                self.path.impaired(optmem_bytes),
                attached(self.machine.pid, "--detail", "causes", *kept, "0.1") as attachment,
                traced(self.machine.pid, calls) if with_strace else nullcontext(),
            ):
                migration = migrate(self.machine, destination, self.path.pair.sink.ipv4, downtime_ms, watch.look)
            if migration.status == "completed" and self.version.guest_arrives:
                _wait_for_line(destination)
            lines = destination.lines()
        if migration.status == "completed":
            self.machine.monitor.execute("cont")
        counts = {}
        if with_strace:
            with calls.open(errors="replace") as file:
                counts = count_calls(read_calls(file))
        return Observed(
            version=self.version.name,
            package=self._qemu.package,
            optmem_bytes=optmem_bytes,
            migration=migration,
            threads=_by_name(counts, watch.names),
            optmem_peak_bytes=watch.optmem_peak_bytes,
            attachment=attachment.summary,
            guest_at_destination=lines,
        )


def _wait_for_line(destination: Machine) -> None:
    deadline = time.monotonic() + _GUEST_LINE_S
    while not destination.lines() and time.monotonic() < deadline:
        time.sleep(0.05)


@contextmanager
def hypervisor(version: Version, qemu: Qemu | None = None, preload: str | None = None) -> Iterator[Hypervisor]:
    """That version with a guest that is ready to be migrated. Leaving the context ends it and removes its namespaces.

    `qemu` is a program to use instead of Debian's; `preload` is a C file of this folder whose library it is to load.
    """
    qemu = qemu or fetch(version)
    with TemporaryDirectory(prefix="zcprobe-") as name, migration_path() as path:
        if preload is not None:
            qemu = qemu.preloading(build(preload, Path(name), "-shared", "-fPIC", "-ldl"))
        found = Hypervisor(version, qemu, path, Path(name), boot_options(Path(name)))
        with found.booted():
            yield found
