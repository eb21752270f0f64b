"""From a path to runs: one run folder, a comparison, or all runs below a folder or matching a pattern."""

import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.dataset.campaign import Campaign, Comparison
from zcprobe.dataset.find import find_run_folders
from zcprobe.dataset.run import Run
from zcprobe.dataset.schema import check_version, complete_metadata
from zcprobe.errors import DataLossError, OutputError, ReconciliationError

__all__ = [
    "Campaign",
    "Comparison",
    "Run",
    "damage_is_an_error",
    "load",
    "load_campaign",
    "load_comparison",
    "load_run",
    "load_runs",
]

_RUN_KEYS = ("config", "scenario", "host", "summary", "complete")
_COMPARISON_KEYS = ("policies", "runs", "scenario")


def load(
    path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False, skip_damaged: bool = False
) -> Run | Campaign:
    """A run folder as a Run, a comparison's folder as a Comparison, anything else with runs in it as a Campaign.

    `path` may be a pattern (`results/*-held-completions-*`) or a folder that holds run and comparison folders. Raises
    OutputError when there is no run, or one is damaged or of an unknown version, DataLossError when events or records
    were lost (unless `allow_lost`), and ReconciliationError when independent counts differ (unless
    `allow_incomplete`). With `skip_damaged` damaged runs among others are left out: a UserWarning names them, and so
    does `skipped` of what is returned.
    """
    folder = Path(_given(path))
    if os.path.exists(folder / "run.json"):
        return load_run(folder, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return load_runs(path, allow_incomplete=allow_incomplete, allow_lost=allow_lost, skip_damaged=skip_damaged)


def load_runs(
    path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False, skip_damaged: bool = False
) -> Campaign:
    """The same, but always a Campaign: of a run folder with that one run."""
    folder = Path(_given(path))
    if os.path.exists(folder / "comparison.json") and not os.path.exists(folder / "run.json"):
        found: Campaign = load_comparison(folder, skip_damaged=skip_damaged)
    else:
        found = load_campaign(path, skip_damaged=skip_damaged)
    for run in found:
        _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return found


def load_run(path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False) -> Run:
    """The run in a folder; the errors of `load`."""
    folder = Path(_given(path))
    meta = _read_json(folder / "run.json", "run", _RUN_KEYS)
    with damage_is_an_error(folder):
        run = Run(folder, complete_metadata(meta))
        _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return run


def load_comparison(path: str | Path, *, skip_damaged: bool = False) -> Comparison:
    """The comparison in a folder with all its runs, incomplete ones too: who shows them says so."""
    folder = Path(_given(path))
    meta = _read_json(folder / "comparison.json", "comparison", _COMPARISON_KEYS)
    with damage_is_an_error(folder):
        folders = [folder / entry["folder"] for entry in meta["runs"]]
    runs, skipped = _load_each(folders, skip_damaged)
    return Comparison(folder, meta, runs, skipped)


def load_campaign(path: str | Path, *, skip_damaged: bool = False) -> Campaign:
    """All runs at or below a folder or the matches of a pattern, in the order of their folders' names.

    Hidden folders, as those of unfinished runs, are left out. OutputError when there is none.
    """
    is_pattern = has_magic(str(_given(path)))
    folders = find_run_folders([Path(found) for found in sorted(glob(str(path)))] if is_pattern else [Path(path)])
    if not folders:
        raise OutputError(f"{path} is no run folder and holds none", _hint(Path(path)))
    runs, skipped = _load_each(folders, skip_damaged)
    return Campaign(runs, None if is_pattern else Path(path), skipped)


def _load_each(folders: Iterable[Path], skip_damaged: bool) -> tuple[list[Run], list[str]]:
    """The runs, and what is wrong with those that were left out. OutputError when none is left."""
    runs, skipped = [], []
    for folder in folders:
        try:
            runs.append(load_run(folder, allow_incomplete=True, allow_lost=True))
        except OutputError as error:
            if not skip_damaged:
                raise OutputError(
                    str(error), f"{error.hint}; skip_damaged=True, or --skip-damaged, loads the others"
                ) from error
            skipped.append(str(error))
    if skipped and not runs:
        raise OutputError(f"all {len(skipped)} runs are damaged, the first: {skipped[0]}", "run again")
    for text in skipped:
        warnings.warn(f"left out: {text}", UserWarning, stacklevel=6)
    return runs, skipped


def _given(path: str | Path) -> str | Path:
    if not str(path):
        raise OutputError("an empty path names no run", "name a folder; '.' is the one that Python runs in")
    return path


@contextmanager
def damage_is_an_error(path: Path) -> Iterator[None]:
    """OutputError for metadata in which a key is missing or of another kind."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f"the metadata in {path} is not what a run has: {type(error).__name__} {error}",
            "the file is damaged; run again",
        ) from error


def _hint(path: Path) -> str:
    if path.name.endswith(".partial"):
        return "the run was killed before it was whole: zcprobe doctor --clean removes it; run again"
    if not os.path.exists(path):
        return "there is nothing of that name; zcprobe run prints the folder that it made"
    return "name a folder that zcprobe run or zcprobe compare made: it has a run.json or comparison.json"


def _read_json(path: Path, what: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise OutputError(f"{path.parent} is no {what} folder: it has no {path.name}", _hint(path.parent)) from None
    except (msgspec.DecodeError, OSError) as error:
        raise OutputError(f"{path} cannot be read: {error}", "the file is damaged; run again") from error
    if not isinstance(content, dict):
        raise OutputError(f"{path} is no {what}'s metadata", "the file is damaged; run again")
    check_version(path.parent, content.get("format_version"))
    missing = [key for key in keys if key not in content]
    if missing:
        raise OutputError(f"{path} has no {', '.join(missing)}", "the file is damaged; run again")
    return content


def _check(run: Run, *, allow_incomplete: bool, allow_lost: bool) -> None:
    summary = run.summary
    lost = (summary["lost_events"] or 0) + (summary["lost_records"] or 0)
    if lost and not allow_lost:
        raise DataLossError(
            f"{lost:,} events or records of the run in {run.folder} were lost: its counts are too low",
            "load it with allow_lost=True to look at it all the same",
        )
    if not lost and not run.meta["complete"] and not allow_incomplete:
        broken = [finding["what"] for finding in run.meta["reconciliation"] if not finding["holds"]]
        raise ReconciliationError(
            f"the run in {run.folder} is incomplete: {'; '.join(broken) or 'it says so itself'}",
            "load it with allow_incomplete=True to look at it all the same",
        )
