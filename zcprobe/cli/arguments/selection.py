# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of every verb that watches processes: which ones, and how closely."""

import argparse
from functools import partial
from typing import get_args

from zcprobe.format.attachment import Detail
from zcprobe.units import parse_whole

__all__ = ["add_detail", "add_selection"]

MAX_PID = 2**22
"""PID_MAX_LIMIT of 64-bit kernels."""


def _ids(option: str, text: str) -> tuple[int, ...]:
    """The ids of processes or threads in a list with commas. UsageError."""
    return tuple(parse_whole(option, number, low=1, high=MAX_PID) for number in text.split(","))


def add_selection(parser: argparse.ArgumentParser) -> None:
    which = parser.add_argument_group("which processes")
    which.add_argument("-p", "--pid", type=partial(_ids, "-p"), metavar="PID[,PID]", help="these processes")
    which.add_argument(
        "-t", "--tid", type=partial(_ids, "-t"), metavar="TID[,TID]", help="the processes of these threads"
    )
    which.add_argument("--comm", metavar="NAME", help="all processes of that name, also later ones")
    which.add_argument(
        "--cgroup", metavar="PATH", help="all processes in that control group and below, also later ones"
    )
    which.add_argument("-f", "--follow", action="store_true", help="also what these processes start")


def add_detail(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--detail",
        choices=get_args(Detail),
        default="sample",
        help="sample (default): look at its sockets ten times a second; causes: also count every call, by probes",
    )
