"""The run folders that a command line names."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from zcprobe.dataset.check import check_run
from zcprobe.dataset.load import Comparison, Run, load_comparison, load_run
from zcprobe.errors import DataLossError, OutputError, ReconciliationError, UsageError

__all__ = ["Inputs", "load_inputs"]


class Inputs(msgspec.Struct, frozen=True):
    """`comparisons` with their runs, and `loose` runs that were named themselves."""

    comparisons: list[Comparison]
    loose: list[Run]

    @property
    def runs(self) -> list[Run]:
        """All of them."""
        return [run for comparison in self.comparisons for run in comparison.runs] + self.loose


def load_inputs(paths: list[Path], *, allow_incomplete: bool) -> Inputs:
    """The runs in run folders and comparison folders, their tables checked.

    OutputError for what is no run, damaged or of another version; DataLossError for a run whose counts do not
    reconcile, unless allowed; UsageError for a run that is named twice.
    """
    comparisons, loose = [], []
    for path in map(_with_name, paths):
        with _damage_is_an_error(path):
            if (path / "comparison.json").exists():
                comparisons.append(load_comparison(path))
            else:
                loose.append(load_run(path, allow_incomplete=True, allow_lost=True))
    inputs = Inputs(comparisons, loose)
    names = [run.folder.name for run in inputs.runs]
    for run in inputs.runs:
        if names.count(run.folder.name) > 1:
            raise UsageError(f"the run {run.folder.name} stands twice", "name each run, or its comparison, once")
        with _damage_is_an_error(run.folder):
            _require_complete(run, allow_incomplete)
            check_run(run)
    if not inputs.runs:
        raise OutputError(f"{paths[0]} has no runs", "it was interrupted before the first one; compare again")
    return inputs


def _with_name(path: Path) -> Path:
    """`.` and `..` spelt out: a run goes by the name of its folder."""
    return path if path.name not in ("", "..") else path.resolve()


@contextmanager
def _damage_is_an_error(path: Path) -> Iterator[None]:
    """A run.json in which a key is missing or of another kind."""
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise OutputError(
            f"the metadata in {path} is not what a run has: {error}", "the file is damaged; run again"
        ) from error


def _require_complete(run: Run, allowed: bool) -> None:
    if run.meta["complete"] or allowed:
        return
    broken = [finding for finding in run.meta["reconciliation"] if not finding["holds"]]
    # not by its findings' kind, which older runs do not tell
    error = DataLossError if run.summary["lost_events"] or run.summary["lost_records"] else ReconciliationError
    raise error(
        f"the run in {run.folder} is incomplete: {'; '.join(one['what'] for one in broken) or 'it says so itself'}",
        "--allow-incomplete takes it as it is; what it shows may be wrong",
    )
