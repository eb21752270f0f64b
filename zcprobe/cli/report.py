"""zcprobe report"""

import argparse
from pathlib import Path

from zcprobe.analysis.comparisons import as_comparisons
from zcprobe.cli.inputs import load_inputs
from zcprobe.cli.output import is_stdout, open_output
from zcprobe.report.html import render_report

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """A part for each comparison, then one for each group of loose runs that were made alike."""
    inputs = load_inputs(options.runs, allow_incomplete=options.allow_incomplete, skip_damaged=options.skip_damaged)
    base = Path() if is_stdout(options.output) else options.output.parent
    with open_output(options.output) as file:
        file.write(render_report([*inputs.comparisons, *as_comparisons(inputs.loose)], base).encode())
    return 0
