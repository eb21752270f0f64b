# SPDX-License-Identifier: GPL-2.0-only
"""The arguments that every verb has which reads run folders."""

import argparse
from pathlib import Path

__all__ = ["add_inputs"]


def add_inputs(parser: argparse.ArgumentParser, count: str = "+") -> None:
    what = "folder of a run, a comparison or a campaign"
    parser.add_argument("runs", nargs=count, type=Path, metavar="RUN", help=what)
    parser.add_argument(
        "--allow-incomplete", action="store_true", help="accept runs that lost events or whose counts differ"
    )
    parser.add_argument(
        "--allow-damaged",
        action="store_true",
        help="accept runs whose files are not as recorded, and say so everywhere",
    )
    parser.add_argument("--skip-damaged", action="store_true", help="leave out damaged runs, and say which")
