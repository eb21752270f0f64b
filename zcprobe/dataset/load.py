"""From a path to runs: one run folder, a comparison, or all runs below a folder or matching a pattern."""

from glob import glob, has_magic
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.dataset.campaign import Campaign, Comparison
from zcprobe.dataset.run import Run
from zcprobe.dataset.schema import check_version, complete_metadata
from zcprobe.errors import DataLossError, OutputError, ReconciliationError

__all__ = ["Campaign", "Comparison", "Run", "load", "load_campaign", "load_comparison", "load_run"]

_RUN_KEYS = ("config", "scenario", "host", "summary", "complete")
_COMPARISON_KEYS = ("policies", "runs", "scenario")


def load(path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False) -> Run | Campaign:
    """A run folder as a Run, a comparison's folder as a Comparison, anything else with runs in it as a Campaign.

    `path` may be a pattern (`results/*-held-completions-*`) or a folder that holds run and comparison folders. Raises
    OutputError when there is no run, DataLossError when events or records were lost (unless `allow_lost`), and
    ReconciliationError when independent counts differ (unless `allow_incomplete`).
    """
    folder = Path(path)
    if (folder / "run.json").exists():
        return load_run(folder, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    if (folder / "comparison.json").exists():
        found: Campaign = load_comparison(folder)
    else:
        found = load_campaign(path)
    for run in found:
        _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return found


def load_run(path: str | Path, *, allow_incomplete: bool = False, allow_lost: bool = False) -> Run:
    """The run in a folder; the errors of `load`."""
    folder = Path(path)
    meta = _read_json(folder / "run.json", "run", _RUN_KEYS)
    run = Run(folder, complete_metadata(meta))
    _check(run, allow_incomplete=allow_incomplete, allow_lost=allow_lost)
    return run


def load_comparison(path: str | Path) -> Comparison:
    """The comparison in a folder with all its runs, incomplete ones too: who shows them says so."""
    folder = Path(path)
    meta = _read_json(folder / "comparison.json", "comparison", _COMPARISON_KEYS)
    runs = [load_run(folder / entry["folder"], allow_incomplete=True, allow_lost=True) for entry in meta["runs"]]
    return Comparison(folder, meta, runs)


def load_campaign(path: str | Path) -> Campaign:
    """All runs at or below a folder or the matches of a pattern, in the order of their folders' names.

    Hidden folders, as those of unfinished runs, are left out. OutputError when there is none.
    """
    roots = [Path(found) for found in sorted(glob(str(path)))] if has_magic(str(path)) else [Path(path)]
    files = {file for root in roots for file in root.rglob("run.json") if not _is_hidden(file.relative_to(root))}
    if not files:
        raise OutputError(f"{path} is no run folder and holds none", _hint(Path(path)))
    folders = sorted((file.parent for file in files), key=lambda folder: (folder.name, str(folder)))
    runs = [load_run(folder, allow_incomplete=True, allow_lost=True) for folder in folders]
    return Campaign(runs, None if has_magic(str(path)) else Path(path))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _hint(path: Path) -> str:
    if path.name.endswith(".partial"):
        return "the run was killed before it was whole: zcprobe doctor --clean removes it; run again"
    if not path.exists():
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
