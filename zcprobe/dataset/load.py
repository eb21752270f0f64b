# SPDX-License-Identifier: GPL-2.0-only
"""From a path to runs: one run folder, a comparison, or all runs below a folder or matching a pattern."""

import os
from collections.abc import Mapping
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.dataset.attachment import Attachment
from zcprobe.dataset.campaign import read_campaign, run_digests
from zcprobe.dataset.find import find_run_folders
from zcprobe.dataset.index import known_rows
from zcprobe.dataset.indexed_runs import IndexedRuns
from zcprobe.dataset.integrity import DAMAGED, NO_DIGESTS, VERIFIED, changed
from zcprobe.dataset.loose import fill_struct
from zcprobe.dataset.metadata import damage_is_an_error, read_metadata
from zcprobe.dataset.results import lost_count
from zcprobe.dataset.run import Run
from zcprobe.dataset.run_collection import Comparison, RunCollection
from zcprobe.dataset.schema import complete_comparison, complete_metadata
from zcprobe.dataset.shape import require_comparison, require_run
from zcprobe.dataset.trial import require_readable
from zcprobe.dataset.warn import warn_caller
from zcprobe.errors import DataLossError, OutputError, ReconciliationError
from zcprobe.format.campaign import CAMPAIGN_FILE
from zcprobe.format.comparison import COMPARISON_FILE, ComparisonMetadata
from zcprobe.format.findings import RunWarning
from zcprobe.format.metadata import AttachmentMetadata, RunMetadata, must_have_digests
from zcprobe.format.tables import TABLES

__all__ = [
    "Attachment",
    "Comparison",
    "Run",
    "RunCollection",
    "damage_is_an_error",
    "load",
    "load_campaign",
    "load_collection",
    "load_comparison",
    "load_run",
    "load_runs",
]


def load(
    path: str | Path,
    *,
    allow_incomplete: bool = False,
    allow_lost: bool = False,
    allow_damaged: bool = False,
    skip_damaged: bool = False,
) -> Run | RunCollection:
    """A run folder as a Run, a comparison's folder as a Comparison, anything else with runs in it as a RunCollection;
    of a campaign's folder that holds the runs which are counted.

    `path` may be a pattern (`results/*-held-completions-*`) or a folder that holds run and comparison folders. Raises
    OutputError when there is no run, or a run is damaged, changed or of an unknown version, DataLossError
    when events or records were lost (unless `allow_lost`), and ReconciliationError when independent counts differ
    (unless `allow_incomplete`). With `allow_damaged` a run that is not as recorded, but can be read, is taken as it is:
    its `integrity` and `damage` say so, and so does whatever is made of it. With `skip_damaged` damaged runs among
    others are left out: a UserWarning names them, and so does `skipped` of what is returned.
    """
    folder = Path(_given(path))
    if os.path.lexists(folder / "run.json"):
        return load_run(folder, allow_incomplete=allow_incomplete, allow_lost=allow_lost, allow_damaged=allow_damaged)
    return load_runs(
        path,
        allow_incomplete=allow_incomplete,
        allow_lost=allow_lost,
        allow_damaged=allow_damaged,
        skip_damaged=skip_damaged,
    )


def load_runs(
    path: str | Path,
    *,
    allow_incomplete: bool = False,
    allow_lost: bool = False,
    allow_damaged: bool = False,
    skip_damaged: bool = False,
) -> RunCollection:
    """Like `load`, but always returns a RunCollection; that of a run folder holds the one run."""
    folder = Path(_given(path))
    if os.path.lexists(folder / COMPARISON_FILE) and not os.path.lexists(folder / "run.json"):
        found: RunCollection = load_comparison(folder, skip_damaged=skip_damaged, allow_damaged=allow_damaged)
    elif os.path.lexists(folder / CAMPAIGN_FILE):
        found = load_campaign(folder, skip_damaged=skip_damaged, allow_damaged=allow_damaged)
    else:
        found = load_collection(path, skip_damaged=skip_damaged, allow_damaged=allow_damaged)
    for run in found.doubtful() if isinstance(found, IndexedRuns) else found:
        _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return found


def load_run(
    path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False, allow_damaged: bool = False
) -> Run:
    """The run in a folder. Raises the errors of `load`."""
    folder = Path(_given(path))
    meta, damage = _read(folder / "run.json", "run", allow_damaged)
    with damage_is_an_error(folder):
        digest = meta.pop("sha256", None)
        whole = complete_metadata(meta)
        require_run(whole)
        run = _run_of(folder, whole, digest)
        _check_files(run, damage, allow_damaged)
        _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return run


def _run_of(folder: Path, whole: dict[str, Any], digest: str | None) -> Run:
    if whole.get("kind") == "attachment":
        return Attachment(folder, fill_struct(AttachmentMetadata, whole), digest)  # type: ignore[arg-type]
    return Run(folder, fill_struct(RunMetadata, whole), digest)


def _check_files(run: Run, damage: list[str], allow_damaged: bool) -> None:
    """Stores in the run what its digests tell. OutputError for a file that is not as recorded; where that is allowed,
    OutputError only for a file that no process can read."""
    has_digests = run.meta.files is not None
    if must_have_digests(run.format_version, run.meta.format_minor) and not has_digests:
        damage.append("run.json names no digests of the other files")
    damage += run.files.findings()
    if damage and not allow_damaged:
        raise changed(f"{run.folder}/{damage[0]}")
    run.integrity = VERIFIED if has_digests else NO_DIGESTS
    if damage:
        _add_damage(run, damage)
    if allow_damaged and (damage or not has_digests):
        require_readable(run.folder, run.format_version, [name for name in TABLES if run.is_recorded(name)])


def _add_damage(run: Run, damage: list[str]) -> None:
    """Stores the damage, also as a warning: reports, exports and verdicts pass warnings on."""
    warning = RunWarning("damaged", f"the run's folder is {DAMAGED}: {'; '.join(damage)}")
    run.meta = msgspec.structs.replace(run.meta, warnings=[*run.meta.warnings, warning])
    run.integrity = DAMAGED
    run.damage += damage


def load_comparison(path: str | Path, *, skip_damaged: bool = False, allow_damaged: bool = False) -> Comparison:
    """The comparison in a folder with all its runs. Incomplete runs are among them; whoever shows them must say so."""
    folder = Path(_given(path))
    meta, damage = _read(folder / COMPARISON_FILE, "comparison", allow_damaged)
    with damage_is_an_error(folder):
        digest = meta.pop("sha256", None)
        whole = complete_comparison(meta)
        require_comparison(whole)
        plan = fill_struct(ComparisonMetadata, whole)
    digests = {folder / entry.folder: entry.sha256 for entry in plan.runs}
    runs, skipped = _load_each(digests, skip_damaged, allow_damaged)
    return Comparison(folder, plan, runs, skipped, digest=digest, own_damage=damage)


def load_campaign(path: str | Path, *, skip_damaged: bool = False, allow_damaged: bool = False) -> RunCollection:
    """The runs of a campaign that are counted, in the order in which they were made; those in its index are loaded when
    they are asked for. OutputError, also while there is none."""
    folder = Path(_given(path))
    digests = {folder / name: digest for name, digest in run_digests(read_campaign(folder)).items()}
    if not digests:
        raise OutputError(f"{folder} has no run that is counted", f"{CAMPAIGN_FILE} says of each run why")
    return _known_or_loaded(digests, folder, folder, skip_damaged, allow_damaged)


def load_collection(path: str | Path, *, skip_damaged: bool = False, allow_damaged: bool = False) -> RunCollection:
    """All runs at or below a folder or the matches of a pattern, in the order of their folders' names. The name of an
    existing folder is never taken as a pattern.

    Hidden folders, as those of unfinished runs, are left out. OutputError when there is none. Runs that have a current
    row in an index (`zcprobe index`) are loaded when they are asked for.
    """
    is_pattern = has_magic(str(_given(path))) and not os.path.lexists(path)
    folders = find_run_folders([Path(found) for found in sorted(glob(str(path)))] if is_pattern else [Path(path)])
    if not folders:
        raise OutputError(f"{path} is not a run folder and does not hold one", _hint(Path(path)))
    place = None if is_pattern else Path(path)
    base = place or _before_magic(Path(path))
    return _known_or_loaded(dict.fromkeys(folders), base, place, skip_damaged, allow_damaged)


def _known_or_loaded(
    digests: dict[Path, str | None], base: Path, place: Path | None, skip_damaged: bool, allow_damaged: bool
) -> RunCollection:
    """The runs in these folders; those that an index at or below `base` knows are loaded later. `digests` as for
    `_load_each`."""
    known = known_rows(digests, base)
    others = {folder: digest for folder, digest in digests.items() if str(folder) not in known.row_of}
    runs, skipped = _load_each(others, skip_damaged, allow_damaged, known=len(known.row_of))
    if not known.row_of:
        return RunCollection(runs, place, skipped)
    loaded = {str(run.folder): run for run in runs}
    kept = [folder for folder in digests if folder not in others or str(folder) in loaded]

    def load_one(folder: Path) -> Run:
        return _load_one(folder, digests[folder], allow_damaged)

    return IndexedRuns(kept, known, loaded, load_one, place, skipped)


def _before_magic(pattern: Path) -> Path:
    """The folder in which all matches of a pattern lie."""
    return Path(*takewhile(lambda part: not has_magic(part), pattern.parts))


def _load_each(
    digests: Mapping[Path, str | None], skip_damaged: bool, allow_damaged: bool, known: int = 0
) -> tuple[list[Run], list[str]]:
    """The runs in these folders, and what is wrong with each run that was left out. `digests`: folder -> the digest
    that its run.json must have. OutputError when no run is left, and no other is `known`."""
    runs, skipped = [], []
    for folder, digest in digests.items():
        try:
            runs.append(_load_one(folder, digest, allow_damaged))
        except OutputError as error:
            if not skip_damaged:
                raise OutputError(
                    str(error), f"{error.hint}; skip_damaged=True, or --skip-damaged, loads the others"
                ) from error
            skipped.append(str(error))
    if skipped and not runs and not known:
        raise OutputError(f"all {len(skipped)} runs are damaged, the first: {skipped[0]}", "run again")
    for text in skipped:
        warn_caller(f"left out: {text}")
    return runs, skipped


def _load_one(folder: Path, digest: str | None, allow_damaged: bool) -> Run:
    if os.path.islink(folder):
        raise OutputError(f"{folder} is a symbolic link, not a run's folder", "copy the folder itself to this place")
    run = load_run(folder, allow_incomplete=True, allow_lost=True, allow_damaged=allow_damaged)
    if digest is None or run.digest == digest:
        return run
    finding = "run.json is that of another run than the list of runs names"
    if not allow_damaged:
        raise changed(f"{folder}/{finding}")
    _add_damage(run, [finding])
    return run


def _given(path: str | Path) -> str | Path:
    if not str(path):
        raise OutputError("an empty path does not name a run", "name a folder; '.' is the one that Python runs in")
    return path


def _hint(path: Path) -> str:
    if path.name.endswith(".partial"):
        return "the run was killed before it was whole: zcprobe doctor --clean removes it; run again"
    if not os.path.exists(path):
        return "there is nothing of that name; zcprobe run prints the folder that it made"
    return "name a folder that zcprobe run or zcprobe compare made: it has a run.json or comparison.json"


def _read(path: Path, what: str, allow_damaged: bool) -> tuple[dict[str, Any], list[str]]:
    try:
        return read_metadata(path, what, allow_damaged=allow_damaged)
    except (FileNotFoundError, NotADirectoryError):
        raise OutputError(f"{path.parent} is not a {what} folder: it has no {path.name}", _hint(path.parent)) from None


def _check(run: Run, *, allow_incomplete: bool, allow_lost: bool) -> None:
    lost = lost_count(run.meta)
    if lost and not allow_lost:
        raise DataLossError(
            f"{lost:,} events or records of the run in {run.folder} were lost: its counts are too low",
            "load it with allow_lost=True to look at it all the same",
        )
    if not lost and not run.meta.complete and not allow_incomplete:
        broken = [finding.what for finding in run.meta.reconciliation if not finding.holds]
        raise ReconciliationError(
            f"the run in {run.folder} is incomplete: {'; '.join(broken) or 'it says so itself'}",
            "load it with allow_incomplete=True to look at it all the same",
        )
