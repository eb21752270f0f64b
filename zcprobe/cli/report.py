# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe report"""

import argparse
import sys
from pathlib import Path

from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.cli.inputs import load_inputs
from zcprobe.cli.output import is_stdout, open_output
from zcprobe.cli.progress import progress
from zcprobe.dataset.load import Attachment, Run
from zcprobe.errors import UsageError
from zcprobe.report.html import render_report

__all__ = ["run"]

_MOST_DRAWN = 4
"""The number of groups whose figures are drawn by default. A group takes about 5 s."""


def _attachments(runs: list[Run]) -> list[Attachment]:
    """The attachments. UsageError for attachments beside other runs, with which they have no policy to share."""
    found = [run for run in runs if isinstance(run, Attachment)]
    if found and len(found) < len(runs):
        raise UsageError(
            f"{found[0].name} is an attachment, and other runs are not", "report attachments in a file of their own"
        )
    return found


def run(options: argparse.Namespace) -> int:
    """A part for each comparison, then one for each group of loose runs that were made alike."""
    inputs = load_inputs(options)
    attachments = _attachments(inputs.runs)
    if attachments:
        from zcprobe.report.attachment import render_attachments

        with open_output(options.output) as file:
            file.write(render_attachments(attachments).encode())
        return 0
    base = Path() if is_stdout(options.output) else options.output.parent
    parts = [*inputs.comparisons, *as_comparisons(inputs.loose)]
    most = len(parts) if options.all_figures else _MOST_DRAWN
    if len(parts) > most:
        print(
            f"zcprobe: {len(parts)} groups of runs; figures are drawn of the first {most}, of all with --all-figures",
            file=sys.stderr,
        )
    with open_output(options.output) as file, progress("groups of runs reported", len(parts)) as step:
        file.write(render_report(parts, base, most_drawn=most, step=step).encode())
    return 0
