# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe attach`."""

import argparse
from pathlib import Path

from zcprobe.attach.totals import LABELS
from zcprobe.cli.arguments.selection import add_detail, add_selection
from zcprobe.errors import UsageError
from zcprobe.units import parse_whole, shown

__all__ = ["EXAMPLES", "add_attach"]

EXAMPLES = """\
examples:
  zcprobe attach -p 812                     a line per socket with zerocopy and second
  zcprobe attach -p 812 --once              one look, to paste into a bug report
  zcprobe attach -p 812 --detail causes     count every call, and say who reads and who waits
  zcprobe attach --comm qemu-system-x86 5   every five seconds
  zcprobe attach -f -o results -- ./server  start it, watch it and its children, keep what was seen
"""


def add_attach(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    _add_output(parser)
    _add_metrics(parser)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="INTERVAL [COUNT] | -- CMD ARGS",
        help="seconds between lines (1), and how often; or a command to start and watch",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    how = parser.add_argument_group("output")
    how.add_argument(
        "--once",
        action="store_true",
        help="look once; exit code 0 if nothing is wrong, 1 if something is, 3 if it cannot",
    )
    how.add_argument("-o", "--output", type=Path, metavar="DIR", help="keep what was seen as a run folder in DIR")
    how.add_argument("-T", "--timestamp", action="store_true", help="the time of day in each line")
    how.add_argument("-w", "--wide", action="store_true", help="more columns than fit into 80 characters")
    add_detail(how)
    form = how.add_mutually_exclusive_group()
    form.add_argument("-j", "-J", "--json", action="store_true", help="JSON Lines on stdout")
    form.add_argument("--csv", action="store_true", help="comma-separated values on stdout")
    form.add_argument("--ebpf", action="store_true", help="print the BPF program and end")


def _add_metrics(parser: argparse.ArgumentParser) -> None:
    metrics = parser.add_argument_group("metrics for Prometheus")
    metrics.add_argument(
        "--metrics-port", type=_port, metavar="PORT", help="offer metrics over HTTP on this port (0: any that is free)"
    )
    metrics.add_argument("--metrics-address", metavar="ADDRESS", help="where that port is (127.0.0.1)")
    metrics.add_argument(
        "--metrics-file", type=Path, metavar="FILE", help="write them to FILE, for node_exporter's textfile collector"
    )
    metrics.add_argument(
        "--metrics-labels",
        type=_labels,
        metavar="NAME[,NAME]",
        help=f"tell totals apart by these (comm): {', '.join(LABELS)}",
    )


def _port(text: str) -> int:
    return parse_whole("--metrics-port", text, low=0, high=65535)


def _labels(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise UsageError(f"--metrics-labels does not know {shown(unknown[0])}", f"choose from {', '.join(LABELS)}")
    return names
