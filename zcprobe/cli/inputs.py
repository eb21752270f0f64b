# SPDX-License-Identifier: GPL-2.0-only
"""Loads the run folders that a command line names."""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import msgspec

from zcprobe.cli.streams import one_line
from zcprobe.dataset.check import check_run
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.load import (
    Comparison,
    Run,
    RunCollection,
    damage_is_an_error,
    load_campaign,
    load_comparison,
    load_run,
)
from zcprobe.dataset.results import lost_count
from zcprobe.errors import DataLossError, OutputError, ReconciliationError, UsageError
from zcprobe.format.campaign import CAMPAIGN_FILE
from zcprobe.format.comparison import COMPARISON_FILE

__all__ = ["Inputs", "load_inputs"]


class Inputs(msgspec.Struct, frozen=True):
    """`comparisons` with their runs, and the `loose` runs that were named one by one."""

    comparisons: list[Comparison]
    loose: list[Run]

    @property
    def runs(self) -> list[Run]:
        """The runs of all comparisons, and the loose ones."""
        return [run for comparison in self.comparisons for run in comparison.runs] + self.loose


def load_inputs(options: argparse.Namespace) -> Inputs:
    """The runs in folders of runs, comparisons and campaigns, their tables checked, as the options of the verb have it.

    OutputError for what is not a run, is damaged or of another version, unless `skip_damaged`: then stderr says what is
    left out, or for a run that is only not as recorded `allow_damaged`. DataLossError for a run whose counts do not
    reconcile, unless allowed; UsageError for one named twice.
    """
    comparisons, loose, paths = [], [], options.runs
    skip = _tell_and_skip if options.skip_damaged else nullcontext
    for path in map(_with_name, paths):
        with skip():
            if os.path.lexists(path / COMPARISON_FILE):
                comparisons.append(_comparison(path, options))
            elif os.path.lexists(path / CAMPAIGN_FILE):
                loose += _campaign(path, options)
            else:
                run = load_run(path, allow_incomplete=True, allow_lost=True, allow_damaged=options.allow_damaged)
                _check(run, options.allow_incomplete)
                loose.append(run)
    inputs = Inputs(comparisons, loose)
    for text in [text for one in comparisons for text in one.damage] + RunCollection(loose).damage:
        print(f"zcprobe: {DAMAGED}: {text}", file=sys.stderr)
    _require_different(inputs.runs)
    if not inputs.runs:
        raise OutputError(f"{paths[0]} has no runs", "it was interrupted before the first one; compare again")
    return inputs


def _comparison(path: Path, options: argparse.Namespace) -> Comparison:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = load_comparison(path, skip_damaged=options.skip_damaged, allow_damaged=options.allow_damaged)
    for text in found.skipped:
        _tell(text)
    found.runs = _checked(found.runs, options)
    if found.meta.verdict or not found.runs:
        return found
    # it ended before its results were worked out; its runs are whole. Seldom, and statistics take long to import
    from zcprobe.analysis.comparisons import with_results

    return with_results(found)


def _campaign(path: Path, options: argparse.Namespace) -> list[Run]:
    """The runs of a campaign that are counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = load_campaign(path, skip_damaged=options.skip_damaged, allow_damaged=options.allow_damaged)
    for text in found.skipped:
        _tell(text)
    return _checked(found.runs, options)


def _checked(runs: list[Run], options: argparse.Namespace) -> list[Run]:
    kept = []
    for run in runs:
        with _tell_and_skip() if options.skip_damaged else nullcontext():
            _check(run, options.allow_incomplete)
            kept.append(run)
    return kept


def _check(run: Run, allow_incomplete: bool) -> None:
    with damage_is_an_error(run.folder):
        _require_complete(run, allow_incomplete)
        check_run(run)


def _require_different(runs: list[Run]) -> None:
    seen: set[str] = set()
    for run in runs:
        if run.folder.name in seen:
            raise UsageError(f"the run {run.folder.name} was given twice", "name each run, or its comparison, once")
        seen.add(run.folder.name)


@contextmanager
def _tell_and_skip() -> Iterator[None]:
    try:
        yield
    except OutputError as error:
        _tell(str(error))


def _tell(text: str) -> None:
    print(f"zcprobe: left out: {one_line(text)}", file=sys.stderr)


def _with_name(path: Path) -> Path:
    """The path with `.` and `..` resolved, because a run has the name of its folder."""
    return path if path.name not in ("", "..") else path.resolve()


def _require_complete(run: Run, allowed: bool) -> None:
    if run.meta.complete or allowed:
        return
    broken = [finding for finding in run.meta.reconciliation if not finding.holds]
    # not by its findings' kind, which older runs do not tell
    error = DataLossError if lost_count(run.meta) else ReconciliationError
    raise error(
        f"the run in {run.folder} is incomplete: {'; '.join(one.what for one in broken) or 'it says so itself'}",
        "--allow-incomplete takes it as it is; what it shows may be wrong",
    )
