# SPDX-License-Identifier: GPL-2.0-only
"""What `zcprobe attach` prints for people: columns in capitals, numbers to the right, at most 80 characters a line."""

import textwrap
import time
from collections import Counter
from typing import TYPE_CHECKING, TextIO

from zcprobe.attach.attachment import ToldRefusals
from zcprobe.attach.columns import NARROW, STATE, TIME, WIDE, Column, cells, cut, fullness, number
from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.escapes import printable
from zcprobe.format.attachment import AttachmentSummary, SocketSummary
from zcprobe.format.diagnosis import Diagnosed
from zcprobe.units import format_duration_ns

if TYPE_CHECKING:
    from zcprobe.attach.refusals import Refusal
    from zcprobe.cli.line_queue import LineQueue

__all__ = ["TextPrinter"]

_WIDTH = 79
_HEADER_EVERY = 20
_MOST_LINES = 16
"""Most sockets of an interval in lines of 80 characters: those that are closest to their limits."""
_MOST_AT_THE_END = 64
"""Most sockets of the summary in lines of 80 characters: those that were seen first."""
_MOST_REFUSALS = 4
"""Most refused calls of an interval that have a line of their own."""


class TextPrinter:
    """Prints to `file`; `wide`: more than 80 characters a line, and every socket."""

    def __init__(self, file: "TextIO | LineQueue", *, timestamp: bool, wide: bool) -> None:
        self._file = file
        self._wide = wide
        columns: tuple[Column, ...] = WIDE if wide else (*NARROW, STATE)
        if timestamp and not wide:
            columns = tuple(column._replace(width=-17) if column.name == "REMOTE" else column for column in NARROW)
        self._columns = (TIME, *columns) if timestamp else columns
        self._lines_since_header = _HEADER_EVERY
        self._timestamp = timestamp
        self._refused = 0
        self.refusals = ToldRefusals(_MOST_REFUSALS, self._tell)

    def _print(self, line: str = "") -> None:
        print(line.rstrip(), file=self._file, flush=True)

    def _wrap(self, text: str, indent: str = "") -> None:
        for line in textwrap.wrap(printable(text), _WIDTH, initial_indent=indent, subsequent_indent=indent):
            self._print(line)

    def begin(self, sampler: Sampler) -> None:
        names = [f"{process.pid} ({process.comm})" for process in sampler.processes]
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        self._wrap(f"Watching {'process' if len(names) == 1 else 'processes'} {shown}. Ctrl-C ends it.")
        self._wrap("Levels are looked at ten times a second; peaks between two looks are missed.")

    def interval(self, samples: list[Sample]) -> None:
        chosen = samples
        if not self._wide and len(samples) > _MOST_LINES:
            chosen = sorted(samples, key=fullness, reverse=True)[:_MOST_LINES]
        if self._lines_since_header >= _HEADER_EVERY and chosen:
            self._print(" ".join(cut(column.name, column.width) for column in self._columns))
            self._lines_since_header = 0
        for texts in map(cells, chosen):
            self._print(" ".join(cut(texts[column.name], column.width) for column in self._columns))
            self._lines_since_header += 1
        if len(chosen) < len(samples):
            self._print(f"... and {len(samples) - len(chosen)} sockets further from their limits (-w shows all)")
        self.end_interval()

    def end_interval(self) -> None:
        """Says how many refused calls of the interval had no line."""
        if self._refused > _MOST_REFUSALS:
            self._wrap(f"* and {self._refused - _MOST_REFUSALS:,} more send calls got ENOBUFS")
        self._refused = 0

    def _tell(self, refusals: "list[Refusal]", count: int) -> None:
        for refusal in refusals[: max(0, _MOST_REFUSALS - self._refused)]:
            moment = f"{_time_of_day(refusal.time_ns)} " if self._timestamp else ""
            self._wrap(f"* {moment}{_refusal_text(refusal, wide=self._wide)}")
        self._refused += count

    def note(self, text: str) -> None:
        self._wrap(f"* {text}")

    def end(self, sampler: Sampler, summary: AttachmentSummary) -> None:
        from zcprobe.analysis.uring import uring_sentence  # needed at the end only

        using = [socket for socket in summary.sockets if socket.uses_zerocopy]
        uring = uring_sentence(summary.uring)
        self._print()
        if using:
            self._print_sockets(using)
        if uring:
            self._wrap(uring)
        elif not using:
            self._wrap(_why_none(sampler, sees_uring=summary.uring is not None))
        self._print_diagnosis(summary, is_used=bool(using or uring))
        self._wrap(
            f"Watched for {format_duration_ns(summary.duration_ns)}; looks: {sampler.look_count}, "
            f"of which the longest took {format_duration_ns(sampler.look_ns_max)}."
        )
        if summary.folder is not None:
            self._print(f"Kept in {printable(summary.folder)}")
        if sampler.forgotten_sockets:
            more = f"{sampler.forgotten_sockets} further sockets that were closed, with {sampler.forgotten_sends} sends"
            self._wrap(f"{more}, are not listed.")

    def _print_sockets(self, sockets: list[SocketSummary]) -> None:
        self._print(
            f"{'FD':>5} {'REMOTE':21} {'SENDS':>10} {'MB':>8} {'MAX UNREAD':>10} {'MAX OPTMEM':>10} {'LIMIT':>8}"
        )
        chosen = sockets if self._wide else sockets[:_MOST_AT_THE_END]
        for one in chosen:
            remote = cut(one.remote or f"({one.protocol})", -21)
            sent = number(None if one.bytes_sent is None else one.bytes_sent / 1e6)
            self._print(
                f"{number(one.fd):>5} {remote} {number(one.sends):>10} {sent:>8} "
                f"{number(one.errqueue_depth_max):>10} {number(one.optmem_peak_bytes):>10} "
                f"{number(one.optmem_max_bytes):>8}"
            )
        if len(chosen) < len(sockets):
            self._print(f"... and {len(sockets) - len(chosen)} more (-w shows all)")

    def _print_diagnosis(self, summary: AttachmentSummary, *, is_used: bool) -> None:
        """Of a process without zerocopy nothing is told but what is wrong."""
        from zcprobe.analysis.diagnosis import is_healthy
        from zcprobe.analysis.diagnosis.healthy import unexplained

        if is_used or not is_healthy(summary.findings):
            for finding in summary.findings:
                self._print_finding(finding)
        others = unexplained(summary)
        if others is not None:
            self._wrap(f"No finding speaks for these refused calls: {others}.")
        if is_used and not is_healthy(summary.findings):
            self._print_need(summary)

    def _print_need(self, summary: AttachmentSummary) -> None:
        from zcprobe.analysis.diagnosis.need import need_of_sender

        need = need_of_sender(summary)
        if need:
            self._print()
            self._wrap(f"needs: {need}")

    def _print_finding(self, finding: Diagnosed) -> None:
        self._print()
        self._wrap(f"{finding.id}: {finding.what}")
        evidence = ", ".join(f"{name} {value}" for name, value in finding.evidence.items() if value is not None)
        if evidence:
            self._wrap(f"evidence: {evidence}", "  ")
        self._wrap(f"do: {finding.do}", "  ")


def _time_of_day(time_ns: int) -> str:
    """Of a moment of CLOCK_MONOTONIC."""
    return time.strftime("%H:%M:%S", time.localtime((time.time_ns() - time.monotonic_ns() + time_ns) / 1e9))


def _refusal_text(refusal: "Refusal", *, wide: bool) -> str:
    """One refused call in a sentence, which fits into a line unless it is `wide`."""
    who = refusal.comm or f"thread {refusal.tid}"
    held = f"in flight {number(refusal.in_flight_bytes)}, unread {number(refusal.unread_bytes)}"
    if not wide:
        return f"{who} got ENOBUFS on fd {number(refusal.fd)} ({refusal.cause}): {held}"
    where = f"fd {number(refusal.fd)}" + (f" to {refusal.remote}" if refusal.remote else "")
    level = f"optmem {refusal.optmem_bytes} of {number(refusal.optmem_max_bytes)}"
    return f"{who} ({refusal.tid}) got ENOBUFS on {where} ({refusal.cause}): {level}, {held}"


def _why_none(sampler: Sampler, *, sees_uring: bool) -> str:
    """Why there is nothing to tell of zerocopy."""
    counts = Counter(sampler.other_counts)
    if not counts:
        return "No socket uses zerocopy, because there is none: whoever sends here does so from another process."
    listed = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    loopback = sum(look.is_loopback for _, look in sampler.others)
    reason = f"No socket uses zerocopy: SO_ZEROCOPY is set on none of the {counts.total()} sockets ({listed})."
    if counts["unix"] == counts.total():
        reason += " Unix sockets cannot have it."
    elif loopback:
        reason += f" {loopback} of them lead to this host itself, where the kernel copies all the same."
    uring = "nothing was sent by io_uring's zerocopy" if sees_uring else "io_uring's zerocopy sends do not show here"
    return f"{reason} MSG_ZEROCOPY without SO_ZEROCOPY has no effect, and {uring}."
