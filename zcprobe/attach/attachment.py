# SPDX-License-Identifier: GPL-2.0-only
"""The subject that only watches: what an attachment is, with or without a run folder."""

import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from zcprobe.attach.command import StartedCommand
from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.attach.selection import Selection
from zcprobe.attach.summary import People, socket_summaries
from zcprobe.attach.watch import watch
from zcprobe.attach.watched import WatchedProcesses
from zcprobe.closable import Closable
from zcprobe.errors import HostError
from zcprobe.format.attachment import AttachmentSummary, Detail, Observation
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.host.limits import read_optmem_max
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.interrupt import Interruption
from zcprobe.probes.iterators import SocketIterators

if TYPE_CHECKING:
    from zcprobe.attach.causes import Causes
    from zcprobe.attach.refusals import Refusal

__all__ = ["Attachment", "Diagnose", "ToldRefusals"]

Diagnose = Callable[[Observation], list[Diagnosed]]
"""`zcprobe.analysis.diagnosis.diagnose`, which belongs to the half that reads."""


@cache
def _measured_charge() -> int:
    """What a notification holds of optmem on this kernel, measured on a connection of our own, once, because it can
    take two seconds to fail; 0 if it fails."""
    try:
        return try_zerocopy_send().charge_bytes
    except HostError:
        return 0


def _open_causes(stack: ExitStack, detail: Detail) -> "Causes | None":
    if detail == "sample":
        return None
    from zcprobe.attach.causes import Causes  # the probes are slow to import and to compile

    return stack.enter_context(Causes())


class ToldRefusals(NamedTuple):
    """Who is told of refused calls: `tell` gets those since the last time, only the first `most` of them unless it is
    None, and how many there were."""

    most: int | None
    tell: "Callable[[list[Refusal], int], None]"


class Attachment(Closable):
    """Processes that are watched, or a command that is started to be watched. `from_birth`: count all sends of a
    socket, also those from before it was watched. `detail`: whether probes count what the processes do besides.
    `is_silent`: the command neither reads nor prints anything.

    UsageError if there is nothing to watch, HostError if this host cannot watch.
    """

    def __init__(
        self,
        selection: Selection,
        command: list[str],
        *,
        from_birth: bool = False,
        detail: Detail = "sample",
        is_silent: bool = False,
    ) -> None:
        memlock = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        begun_s = 0.0 if from_birth else None
        with ExitStack() as stack:
            iterators = stack.enter_context(SocketIterators())
            self.causes = _open_causes(stack, detail)
            self.command = StartedCommand(command, memlock, is_silent=is_silent) if command else None
            if self.command is not None:
                selection = msgspec.structs.replace(selection, pids=(self.command.pid,))
                begun_s = self.command.begun_s
            processes = stack.enter_context(WatchedProcesses(selection, iterators, begun_s))
            self._stack = stack.pop_all()
        self.selection = selection
        self.detail = detail
        self.sampler = Sampler(processes, _measured_charge, read_optmem_max())
        self._people = People(selection.tids)
        self._begun_ns = time.monotonic_ns()
        self._duration_ns = 0

    def look(self) -> None:
        """Looks once at everything."""
        self.sampler.look(every=True)
        self._end()

    def run(
        self,
        interruption: Interruption,
        on_interval: Callable[[list[Sample], list[str]], None],
        interval_s: float,
        count: int | None,
        told: "ToldRefusals | None" = None,
    ) -> None:
        """Watches as `zcprobe.attach.watch.watch` does. `on_interval` gets the samples and notes of each interval.
        `told`: who gets each refused call, with detail `causes`."""

        causes = self.causes

        def follow() -> None:
            if causes:
                causes.follow(self.sampler)
                tell_refusals()

        def tell_refusals() -> int:
            if not causes or not told:
                return 0
            refusals, number = causes.refusals(self.sampler, told.most)
            if number:
                told.tell(refusals, number)
            return number

        def tell(samples: list[Sample]) -> None:
            self._people.look(self.sampler)
            on_interval(samples, self.sampler.processes.take_notes())

        self._people.look(self.sampler)
        if causes:
            causes.begin(self.sampler)
        watch(self.sampler, interruption, tell, interval_s=interval_s, count=count, on_look=follow)
        if causes:
            causes.end(self.sampler)
            while tell_refusals():
                pass
            on_interval([], causes.notes)
        self._end()

    def _end(self) -> None:
        self._people.look(self.sampler)
        self._duration_ns = time.monotonic_ns() - self._begun_ns

    def summary(self, diagnose: Diagnose) -> AttachmentSummary:
        """What was seen until now, or until the end, and the diagnosis of it."""
        if self.causes and not self._duration_ns:
            self.causes.look(self.sampler)
        summary = AttachmentSummary(
            detail=self.detail,
            duration_ns=self._duration_ns or time.monotonic_ns() - self._begun_ns,
            sockets=socket_summaries(self.sampler, self.causes),
            threads=self.causes.threads(self._people.threads) if self.causes else self._people.threads,
            processes=self._people.processes,
            uring=self.causes.uring if self.causes else None,
            findings=[],
        )
        return msgspec.structs.replace(summary, findings=diagnose(summary))

    def close(self) -> None:
        self._stack.close()
