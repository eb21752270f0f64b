# SPDX-License-Identifier: GPL-2.0-only
"""What `zcprobe attach` prints: lines of JSON, comma-separated values, or text for people."""

import argparse
import csv
from typing import TYPE_CHECKING, Protocol

import msgspec

from zcprobe.attach.attachment import ToldRefusals
from zcprobe.attach.members import sample_members
from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.cli.line_queue import LineQueue
from zcprobe.format.attachment import AttachmentSummary

if TYPE_CHECKING:
    from zcprobe.attach.refusals import Refusal
    from zcprobe.cli.attach_text import TextPrinter

__all__ = ["Printer", "printer_of"]


class Printer(Protocol):
    """Called in this order: once `begin`, refused calls, an `interval` and `note`s again and again, once `end`."""

    @property
    def refusals(self) -> ToldRefusals: ...

    def begin(self, sampler: Sampler) -> None: ...

    def interval(self, samples: list[Sample]) -> None: ...

    def note(self, text: str) -> None: ...

    def end(self, sampler: Sampler, summary: AttachmentSummary) -> None: ...


class _Json:
    """A line for each sample, refused call and note, and one with the summary at the end."""

    def __init__(self, out: LineQueue) -> None:
        self._out = out

    def _print(self, kind: str, content: dict[str, object]) -> None:
        self._out.write(msgspec.json.encode({"type": kind, **content}).decode() + "\n")

    def begin(self, sampler: Sampler) -> None:
        pass

    def interval(self, samples: list[Sample]) -> None:
        for sample in samples:
            self._print("sample", {**sample_members(sample)})

    @property
    def refusals(self) -> ToldRefusals:
        return ToldRefusals(None, self._tell)

    def _tell(self, refusals: "list[Refusal]", count: int) -> None:
        for refusal in refusals:
            self._print("enobufs", msgspec.structs.asdict(refusal))

    def note(self, text: str) -> None:
        self._print("note", {"text": text})

    def end(self, sampler: Sampler, summary: AttachmentSummary) -> None:
        self._print("summary", {**msgspec.to_builtins(summary), "dropped_lines": self._out.dropped})


class _Csv:
    """A line with the names, then one for each sample. Everything else goes to stderr as text."""

    def __init__(self, out: LineQueue, talk: "TextPrinter") -> None:
        self._out = out
        self._talk = talk
        self._writer: csv.DictWriter[str] | None = None
        self.refusals = talk.refusals

    def begin(self, sampler: Sampler) -> None:
        self._talk.begin(sampler)

    def interval(self, samples: list[Sample]) -> None:
        for members in map(sample_members, samples):
            if self._writer is None:
                self._writer = csv.DictWriter(self._out, list(members), lineterminator="\n")
                self._writer.writeheader()
            self._writer.writerow(members)
        self._talk.end_interval()

    def note(self, text: str) -> None:
        self._talk.note(text)

    def end(self, sampler: Sampler, summary: AttachmentSummary) -> None:
        self._talk.end(sampler, summary)


def printer_of(options: argparse.Namespace, out: LineQueue, talk: LineQueue) -> Printer:
    """The printer that the options ask for: data go to `out`, and what a program does not read to `talk`."""
    if options.json:
        return _Json(out)
    from zcprobe.cli.attach_text import TextPrinter

    if options.csv:
        return _Csv(out, TextPrinter(talk, timestamp=False, wide=options.wide))
    return TextPrinter(out, timestamp=options.timestamp, wide=options.wide)
