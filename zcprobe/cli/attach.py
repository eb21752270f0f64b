# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe attach"""

import argparse
import resource
import time
from contextlib import ExitStack

import msgspec

from zcprobe.attach.command import StartedCommand
from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.attach.selection import Selection
from zcprobe.attach.summary import People, socket_summaries
from zcprobe.attach.watch import watch
from zcprobe.attach.watched import WatchedProcesses
from zcprobe.cli.attach_output import Printer, printer_of
from zcprobe.errors import HostError, UsageError
from zcprobe.format.attachment import AttachmentSummary
from zcprobe.host.limits import read_optmem_max
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.probes.base import read_source
from zcprobe.probes.iterators import SOURCE, SocketIterators
from zcprobe.units import parse_seconds, parse_whole

__all__ = ["run"]

_LEAST_S, _MOST_S = 0.01, 86400.0
_MOST_INTERVALS = 10**9


class _Words(msgspec.Struct, frozen=True):
    """The words that are no options: how long an interval is, how many there are, and the command to start."""

    interval_s: float = 1.0
    count: int | None = None
    command: list[str] = []


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def _words(words: list[str]) -> _Words:
    """UsageError for an interval or a count that is out of range."""
    numbers = 0
    while numbers < min(2, len(words)) and _is_number(words[numbers]):
        numbers += 1
    interval_s = parse_seconds("INTERVAL", words[0]) if numbers else 1.0
    if not _LEAST_S <= interval_s <= _MOST_S:
        raise UsageError(f"an interval of {words[0]} is out of range", f"choose {_LEAST_S} to {_MOST_S:.0f} seconds")
    count = parse_whole("COUNT", words[1], low=1, high=_MOST_INTERVALS) if numbers > 1 else None
    return _Words(interval_s, count, words[numbers:])


def _selection(options: argparse.Namespace, command: list[str]) -> Selection:
    """UsageError unless the processes are named in one way."""
    given = [name for name in ("pid", "tid", "comm", "cgroup") if getattr(options, name) is not None]
    if len(given) + bool(command) != 1:
        what = "nothing says which process to watch" if not given else "a process is named in two ways"
        raise UsageError(what, "give one of -p PID, -t TID, --comm NAME, --cgroup PATH, or -- CMD ARGS")
    return Selection(
        pids=options.pid or (),
        tids=options.tid or (),
        comm=options.comm,
        cgroup=options.cgroup,
        children=options.follow,
    )


def _measured_charge() -> int:
    """What a notification holds of optmem on this kernel, measured on a connection of our own; 0 if that fails."""
    try:
        return try_zerocopy_send().charge_bytes
    except HostError:
        return 0


class _Attachment:
    """What is watched and what is known of it."""

    def __init__(self, stack: ExitStack, options: argparse.Namespace, words: _Words) -> None:
        memlock = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        selection = _selection(options, words.command)
        iterators = stack.enter_context(SocketIterators())
        self.command = StartedCommand(words.command, memlock) if words.command else None
        if self.command is not None:
            selection = msgspec.structs.replace(selection, pids=(self.command.pid,))
        begun_s = self.command.begun_s if self.command else None
        if options.once:
            begun_s = 0.0  # one look has nothing to compare with: it tells of the sockets' whole lives
        processes = WatchedProcesses(selection, iterators, begun_s)
        self.sampler = Sampler(stack.enter_context(processes), _measured_charge, read_optmem_max())
        self.people = People(selection.tids)
        self._begun_ns = time.monotonic_ns()

    def summary(self) -> AttachmentSummary:
        from zcprobe.analysis.diagnosis import diagnose  # needed at the end only

        summary = AttachmentSummary(
            detail="sample",
            duration_ns=time.monotonic_ns() - self._begun_ns,
            sockets=socket_summaries(self.sampler),
            threads=self.people.threads,
            processes=self.people.processes,
            findings=[],
        )
        return msgspec.structs.replace(summary, findings=diagnose(summary))


def _watch(attachment: _Attachment, printer: Printer, words: _Words, interruption: Interruption) -> None:
    sampler = attachment.sampler

    def tell(samples: list[Sample]) -> None:
        attachment.people.look(sampler)
        printer.interval(samples)
        for note in sampler.processes.take_notes():
            printer.note(note)

    attachment.people.look(sampler)
    printer.begin(sampler)
    watch(sampler, interruption, tell, interval_s=words.interval_s, count=words.count)
    if attachment.command is not None:
        printer.note(attachment.command.outcome())


def _once(attachment: _Attachment) -> None:
    attachment.sampler.look(every=True)
    attachment.people.look(attachment.sampler)


def _exit_code(summary: AttachmentSummary) -> int:
    """Of `--once`: 1 if something is wrong with a socket that uses zerocopy."""
    uses_zerocopy = any(socket.zerocopy_enabled for socket in summary.sockets)
    is_wrong = any(finding.id != "nothing-wrong" for finding in summary.findings)
    return 1 if uses_zerocopy and is_wrong else 0


def run(options: argparse.Namespace) -> int:
    if options.ebpf:
        print(read_source([SOURCE]), end="")
        return 0
    words = _words(options.words)
    printer = printer_of(options)
    with deferred_interrupt() as interruption, ExitStack() as stack:
        attachment = _Attachment(stack, options, words)
        if options.once:
            _once(attachment)
        else:
            _watch(attachment, printer, words, interruption)
        summary = attachment.summary()
    printer.end(attachment.sampler, summary)
    if interruption.signal_number:
        return -interruption.signal_number
    return _exit_code(summary) if options.once else 0
