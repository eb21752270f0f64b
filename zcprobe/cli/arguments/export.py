# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe export`."""

import argparse
from pathlib import Path

from zcprobe.cli.arguments.inputs import add_inputs
from zcprobe.format.tables import TABLES

__all__ = ["EXAMPLES", "FORMATS", "SUMMARY", "TABLE_FORMATS", "add_export"]

SUMMARY = "summary"
"""The table that has a row per run."""

TABLE_FORMATS = ("csv", "jsonl")
"""Formats of one table, which --table names."""

FORMATS = ("line", *TABLE_FORMATS, "openmetrics", "trace")

EXAMPLES = """\
formats:
  line         a line per run, for people (the default)
  csv, jsonl   a table of the runs, named with --table, one after the other; `run` is the first column
  openmetrics  summaries, send latencies and stalls as OpenMetrics text (needs the extra `metrics`)
  trace        Chrome trace events for a timeline viewer: ui.perfetto.dev, chrome://tracing
examples:
  zcprobe export results/*
  zcprobe export results/COMPARISON --format csv -o summary.csv
  zcprobe export RUN --format jsonl --table kernel_events | head
  zcprobe export RUN --format trace --between 0.5,0.75 -o trace.json
"""


def add_export(parser: argparse.ArgumentParser) -> None:
    add_inputs(parser)
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="what to write (%(default)s)",
    )
    parser.add_argument(
        "--table", choices=(SUMMARY, *TABLES), help="csv, jsonl: the table to write; summary has a row per run"
    )
    parser.add_argument("--between", metavar="FROM,TO", help="trace: only this span, in seconds since the run began")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write; stdout without it, or with -")
