# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe compare BEFORE AFTER`: what changed between two folders of results. It makes no run."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.analysis.change import Change, judge_change
from zcprobe.cli.claims import claim_table
from zcprobe.cli.console import StdoutConsole
from zcprobe.dataset.load import Run, load_runs
from zcprobe.errors import UsageError

__all__ = ["compare_results"]

_READ = ("folders", "json", "smallest_effect", "verb", "verbose")
"""The options that take effect here; all others are about runs to be made."""


def compare_results(options: argparse.Namespace, default: Mapping[str, Any]) -> int:
    """Prints what differs between the runs, and the claims about it. `default`: the options' default values.
    UsageError, and the errors of loading."""
    if len(options.folders) != 2:
        raise UsageError(
            f"two folders of results can be compared, not {len(options.folders)}", "name those before, then those after"
        )
    for name, value in vars(options).items():
        if name not in _READ and value != default[name]:
            raise UsageError(
                f"--{name.replace('_', '-')} is about runs to be made, and two folders of results are compared",
                "leave it out, or the folders",
            )
    before, after = (_runs(folder) for folder in options.folders)
    change = judge_change(before, after, options.smallest_effect)
    if options.json:
        folders = dict(zip(("before", "after"), map(str, options.folders), strict=True))
        content = {**folders, **msgspec.to_builtins(change)}
        sys.stdout.buffer.write(msgspec.json.encode(content) + b"\n")
    else:
        _print(change, len(before), len(after))
    return 0


def _runs(folder: Path) -> list[Run]:
    """The runs of a folder of any kind. UsageError for one that has attachments."""
    runs = list(load_runs(folder))
    if any(run.meta.sender is None for run in runs):
        raise UsageError(f"{folder} has attachments, which nobody can repeat", "name folders of runs of our own sender")
    return runs


def _print(change: Change, before: int, after: int) -> None:
    print(f"{before} runs before and {after} after differ in: {'; '.join(change.differs) or 'nothing that is known'}.")
    StdoutConsole().print(claim_table(change.verdicts, "the runs before"))
    shown = sum(claim.shown for claim in change.verdicts)
    print(f"{shown} of {len(change.verdicts)} comparisons show a difference.")
    if change.left_out:
        print(f"Not compared, because the other side has none of them: {', '.join(change.left_out)}.")
    for side, stamp in change.stamps.items():
        print(f"{side}: {stamp.text}.")
