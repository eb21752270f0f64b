# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe attach`."""

import argparse
from pathlib import Path
from typing import get_args

from zcprobe.attach.totals import LABELS
from zcprobe.errors import UsageError
from zcprobe.format.attachment import Detail
from zcprobe.units import parse_whole, shown

__all__ = ["EXAMPLES", "add_attach", "parse_ids"]

MAX_PID = 2**22
"""PID_MAX_LIMIT of 64-bit kernels."""

EXAMPLES = """\
examples:
  zcprobe attach -p 812                     a line per socket with zerocopy and second
  zcprobe attach -p 812 --once              one look, to paste into a bug report
  zcprobe attach -p 812 --detail causes     count every call, and say who reads and who waits
  zcprobe attach --comm qemu-system-x86 5   every five seconds
  zcprobe attach -f -o results -- ./server  start it, watch it and its children, keep what was seen
"""


def parse_ids(text: str) -> tuple[int, ...]:
    """The ids of processes or threads in a list with commas. UsageError."""
    return tuple(parse_whole("-p", number, low=1, high=MAX_PID) for number in text.split(","))


def add_attach(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_output(parser)
    _add_metrics(parser)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="INTERVAL [COUNT] | -- CMD ARGS",
        help="seconds between lines (1), and how often; or a command to start and watch",
    )


def _add_selection(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which processes")
    which.add_argument("-p", "--pid", type=parse_ids, metavar="PID[,PID]", help="these processes")
    which.add_argument("-t", "--tid", type=parse_ids, metavar="TID[,TID]", help="the processes of these threads")
    which.add_argument("--comm", metavar="NAME", help="all processes of that name, also later ones")
    which.add_argument(
        "--cgroup", metavar="PATH", help="all processes in that control group and below, also later ones"
    )
    which.add_argument("-f", "--follow", action="store_true", help="also what these processes start")


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
    how.add_argument(
        "--detail",
        choices=get_args(Detail),
        default="sample",
        help="sample (default): look at its sockets ten times a second; causes: also count every call, by probes",
    )
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
        raise UsageError(f"--metrics-labels knows no {shown(unknown[0])}", f"choose from {', '.join(LABELS)}")
    return names
