# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe live`."""

import argparse
from pathlib import Path

from zcprobe.cli.arguments.selection import add_detail, add_selection

__all__ = ["EXAMPLES", "add_live"]

EXAMPLES = """\
keys: arrows pick a socket, enter or g shows its graphs; o sorts by another column, p pauses the screen (the watching
goes on), s saves a run folder, q or Ctrl-C quits and prints the summary and the diagnosis

examples:
  zcprobe live -p 812                     the sockets of process 812, each second
  zcprobe live -p 812 --detail causes     also count every call, so that ENOBUFS is in the log
  zcprobe live -f -o results -- ./server  start it without a terminal, and watch it and its children
"""


def add_live(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    how = parser.add_argument_group("screen")
    how.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="where the key s makes run folders (results)",
    )
    add_detail(how)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="INTERVAL [COUNT] | -- CMD ARGS",
        help="seconds between two states of the screen (1), and how many; or a command to start and watch, which "
        "neither reads nor prints anything",
    )
