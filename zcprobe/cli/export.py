# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe export"""

import argparse
from collections.abc import Callable
from typing import BinaryIO

from zcprobe.cli.arguments.export import SUMMARY, TABLE_FORMATS
from zcprobe.cli.inputs import load_inputs
from zcprobe.cli.output import open_output
from zcprobe.dataset.load import Run
from zcprobe.errors import HostError, UsageError
from zcprobe.export.summary import summary_line, summary_rows
from zcprobe.export.tables import Rows, table_rows
from zcprobe.export.text import write_csv, write_jsonl
from zcprobe.export.trace import EVERYTHING, Window, require_within, write_trace

__all__ = ["run"]

_OF_A_TABLE: dict[str, Callable[[Rows, BinaryIO], None]] = dict(
    zip(TABLE_FORMATS, (write_csv, write_jsonl), strict=True)
)


def _write_lines(runs: list[Run], file: BinaryIO) -> None:
    file.write("".join(f"{summary_line(run)}\n" for run in runs).encode())


def _write_openmetrics(runs: list[Run], file: BinaryIO) -> None:
    try:
        from zcprobe.export.openmetrics import write_openmetrics
    except ModuleNotFoundError as error:
        raise HostError(
            f"OpenMetrics needs the Python package {error.name}, which is not installed",
            "install the extra: pip install 'zcprobe[metrics]'",
        ) from error
    write_openmetrics(runs, file)


_OF_RUNS: dict[str, Callable[[list[Run], BinaryIO], None]] = {
    "line": _write_lines,
    "openmetrics": _write_openmetrics,
}


def _rows(runs: list[Run], table: str | None) -> Rows:
    return summary_rows(runs) if table in (None, SUMMARY) else table_rows(runs, str(table))


def _window(text: str | None) -> Window:
    if text is None:
        return EVERYTHING
    begin, _, end = text.partition(",")
    try:
        window = float(begin), float(end)
    except ValueError:
        window = (1.0, 0.0)
    if not 0 <= window[0] < window[1]:
        raise UsageError(
            f"expected a span of time, got {text!r}", "give its begin and end in seconds: --between 0.5,0.75"
        )
    return window


def _check(options: argparse.Namespace) -> None:
    """UsageError for an option that the format does not support."""
    if options.table and options.format not in _OF_A_TABLE:
        raise UsageError(
            f"{options.format} cannot hold a table",
            f"leave --table out, or name --format {' or '.join(TABLE_FORMATS)}",
        )
    if options.between and options.format != "trace":
        raise UsageError(
            f"--between is only for trace, not for {options.format}", "leave --between out, or choose --format trace"
        )


def run(options: argparse.Namespace) -> int:
    _check(options)
    window = _window(options.between)
    inputs = load_inputs(options)
    require_within(inputs.runs, window)
    with open_output(options.output) as file:
        if options.format in _OF_A_TABLE:
            _OF_A_TABLE[options.format](_rows(inputs.runs, options.table), file)
        elif options.format == "trace":
            write_trace(inputs.runs, file, window)
        else:
            _OF_RUNS[options.format](inputs.runs, file)
    return 0
