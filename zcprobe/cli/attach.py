# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe attach"""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from zcprobe.attach.attachment import Attachment
from zcprobe.attach.sampler import Sample
from zcprobe.cli.attach_metrics import MetricsOutput, offered_metrics
from zcprobe.cli.attach_output import Printer, printer_of
from zcprobe.cli.attach_words import Words, parse_words, selection_of
from zcprobe.cli.line_queue import LineQueue, line_queue
from zcprobe.errors import UsageError
from zcprobe.format.attachment import AttachmentSummary, Detail
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.probes.base import read_source
from zcprobe.probes.iterators import SOURCE

if TYPE_CHECKING:
    from zcprobe.attach.subject import Watch

__all__ = ["run"]


def _watch(
    attachment: Attachment, printer: Printer, metrics: MetricsOutput, words: Words, interruption: Interruption
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
    words: Words,
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


def _end_output(out: LineQueue, talk: LineQueue, interruption: Interruption) -> None:
    """Waits until all is written, and says what was dropped because nobody read it in time."""

    def has_to_end() -> bool:
        return bool(interruption.signal_number)

    out.finish(has_to_end)
    untaken = ", and its end was not read" if out.unwritten else ""
    if out.dropped or untaken:
        talk.write(f"zcprobe: stdout was read too slowly: {out.dropped} lines were dropped{untaken}\n")
    talk.finish(has_to_end)


def run(options: argparse.Namespace) -> int:
    if options.ebpf:
        print(read_source(_sources(options.detail)), end="")
        return 0
    words = parse_words(options.words)
    if options.once and options.output is not None:
        raise UsageError("--once keeps no run folder", "leave -o out, or watch for one interval: ... 1 1")
    if options.once and options.detail == "causes":
        raise UsageError("--once looks once and counts no calls", "leave --once or --detail causes out")
    selection = selection_of(options, words.command)
    with line_queue(sys.stdout) as out, line_queue(sys.stderr) as talk, deferred_interrupt() as interruption:
        printer = printer_of(options, out, talk)
        with (
            interruption.ended_at_once("interrupted: nothing was watched yet"),
            offered_metrics(options) as metrics,
            Attachment(selection, words.command, from_birth=options.once, detail=options.detail) as attachment,
        ):
            summary = _summary(options, attachment, printer, metrics, words, interruption)
        out.is_ending = talk.is_ending = True
        printer.end(attachment.sampler, summary)
        _end_output(out, talk, interruption)
    if interruption.signal_number:
        return -interruption.signal_number
    return _exit_code(summary) if options.once else 0
