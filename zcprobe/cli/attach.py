# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe attach"""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from zcprobe.attach.attachment import Attachment
from zcprobe.attach.sampler import Sample
from zcprobe.attach.selection import Selection
from zcprobe.cli.attach_metrics import MetricsOutput, offered_metrics
from zcprobe.cli.attach_output import Printer, printer_of
from zcprobe.errors import UsageError
from zcprobe.format.attachment import AttachmentSummary, Detail
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.probes.base import read_source
from zcprobe.probes.iterators import SOURCE
from zcprobe.units import parse_seconds, parse_whole

if TYPE_CHECKING:
    from zcprobe.attach.subject import Watch

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


def _watch(
    attachment: Attachment, printer: Printer, metrics: MetricsOutput, words: _Words, interruption: Interruption
) -> "Watch":
    """Prints and offers what is seen while it watches."""

    def watch(keep: Callable[[list[Sample]], None]) -> None:
        def tell(samples: list[Sample], notes: list[str]) -> None:
            keep(samples)
            printer.interval(samples)
            metrics.update(attachment, samples)
            for note in notes:
                printer.note(note)

        printer.begin(attachment.sampler)
        attachment.run(interruption, tell, words.interval_s, words.count, printer.refusals)
        if attachment.command is not None:
            printer.note(attachment.command.outcome())

    return watch


def _summary(
    options: argparse.Namespace,
    attachment: Attachment,
    printer: Printer,
    metrics: MetricsOutput,
    words: _Words,
    interruption: Interruption,
) -> AttachmentSummary:
    from zcprobe.analysis.diagnosis import diagnose  # needed at the end only

    watch = _watch(attachment, printer, metrics, words, interruption)
    if options.output is not None:
        from zcprobe.attach.subject import record_attachment

        return record_attachment(
            attachment, watch, options.output, interruption, interval_s=words.interval_s, diagnose=diagnose
        )
    if options.once:
        attachment.look()
        metrics.update(attachment, attachment.sampler.end_interval())
    else:
        watch(lambda samples: None)
    return attachment.summary(diagnose)


def _exit_code(summary: AttachmentSummary) -> int:
    """Of `--once`: 0 only if the diagnosis is that nothing is wrong."""
    from zcprobe.analysis.diagnosis import is_healthy

    return 0 if is_healthy(summary.findings) else 1


def _sources(detail: Detail) -> list[str]:
    """The files with the BPF programs that the detail needs."""
    if detail == "sample":
        return [SOURCE]
    from zcprobe.probes.loading import PROBES
    from zcprobe.probes.uring import URING

    return [SOURCE, *(f"{probe.name}.bpf.c" for probe in (*PROBES, URING))]


def run(options: argparse.Namespace) -> int:
    if options.ebpf:
        print(read_source(_sources(options.detail)), end="")
        return 0
    words = _words(options.words)
    printer = printer_of(options)
    if options.once and options.output is not None:
        raise UsageError("--once keeps no run folder", "leave -o out, or watch for one interval: ... 1 1")
    if options.once and options.detail == "causes":
        raise UsageError("--once looks once and counts no calls", "leave --once or --detail causes out")
    selection = _selection(options, words.command)
    with (
        deferred_interrupt() as interruption,
        offered_metrics(options) as metrics,
        Attachment(selection, words.command, from_birth=options.once, detail=options.detail) as attachment,
    ):
        summary = _summary(options, attachment, printer, metrics, words, interruption)
    printer.end(attachment.sampler, summary)
    if interruption.signal_number:
        return -interruption.signal_number
    return _exit_code(summary) if options.once else 0
