# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe index"""

import argparse
import sys

from zcprobe.cli.output import open_output
from zcprobe.cli.progress import progress
from zcprobe.cli.streams import one_line
from zcprobe.errors import DataLossError
from zcprobe.export.index import Indexing

__all__ = ["run"]


def run(options: argparse.Namespace) -> int:
    """Writes the index also where runs are damaged, and names these."""
    indexing = Indexing(options.folder, rebuild=options.rebuild)
    with progress("runs read", len(indexing.unread)) as step:
        content = indexing.make(step)
    with open_output(indexing.path, "DIR") as file:
        file.write(content)
    for text in indexing.skipped:
        print(f"zcprobe: left out: {one_line(text)}", file=sys.stderr)
    rows, read = len(indexing.folders) - len(indexing.skipped), len(indexing.unread)
    print(f"{indexing.path}: {rows:,} runs, {read:,} read, {len(indexing.folders) - read:,} unchanged")
    return DataLossError.exit_code if indexing.skipped else 0
