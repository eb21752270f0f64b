# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe index`."""

import argparse
from pathlib import Path

__all__ = ["EXAMPLES", "add_index"]

EXAMPLES = """\
The file DIR/index.parquet has a row for each run at or below DIR: configuration, host and results. zcprobe.load(DIR)
and its queries use it, so that they need not open every run. A run that is not in the index, or has changed since, is
read from its own folder.
examples:
  zcprobe index results
  python -c 'import zcprobe; print(zcprobe.load("results").query("select policy, count(*) from runs group by policy"))'
"""


def add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder that holds run folders, at any depth")
    parser.add_argument("--rebuild", action="store_true", help="read every run again, also those that did not change")
