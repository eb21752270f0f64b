"""A run folder as Python objects: metadata at once, tables when asked for."""

from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from zcprobe.dataset.version_1 import events_of_version_1, stalls_of_version_1
from zcprobe.errors import DataLossError, OutputError
from zcprobe.recorder.metadata import FORMAT_VERSION
from zcprobe.recorder.tables import TABLES

__all__ = ["Comparison", "Run", "load_comparison", "load_run"]


def _read_json(path: Path, what: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise OutputError(
            f"{path.parent} is no {what} folder: it has no {path.name}", f"name a {what} folder"
        ) from None
    except (msgspec.DecodeError, OSError) as error:
        raise OutputError(f"{path} cannot be read: {error}", "the file is damaged; run again") from error
    version = content.get("format_version")
    if version not in range(1, FORMAT_VERSION + 1):
        raise OutputError(
            f"{path.parent} has format version {version}, this zcprobe reads 1 to {FORMAT_VERSION}",
            "load it with the zcprobe that wrote it, or a later one",
        )
    return content


class Run:
    """One run. `meta` is run.json; each table is a DataFrame read on first use, times int64 ns of CLOCK_MONOTONIC.

    Columns are those of docs/run-format.md. A table that was not recorded (`record` off, no probes) is empty.
    """

    def __init__(self, folder: Path, meta: dict[str, Any]) -> None:
        self.folder = folder
        self.meta = meta

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.meta["summary"]
        return summary

    @property
    def policy(self) -> str:
        return str(self.meta["config"]["policy"])

    @property
    def scenario(self) -> str:
        return str(self.meta["config"]["scenario"])

    def _table(self, name: str) -> pd.DataFrame:
        path = self.folder / f"{name}.parquet"
        if not path.exists():
            return pd.DataFrame(columns=TABLES[name].columns)
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise OutputError(f"{path} cannot be read: {error}", "the file is damaged; run again") from error

    @cached_property
    def sends(self) -> pd.DataFrame:
        return self._table("sends")

    @cached_property
    def notifications(self) -> pd.DataFrame:
        return self._table("notifications")

    @cached_property
    def flushes(self) -> pd.DataFrame:
        return self._table("flushes")

    @cached_property
    def meminfo(self) -> pd.DataFrame:
        return self._table("meminfo")

    @cached_property
    def rounds(self) -> pd.DataFrame:
        """Of migration traffic."""
        return self._table("rounds")

    @cached_property
    def requests(self) -> pd.DataFrame:
        """Of rpc traffic."""
        return self._table("requests")

    @cached_property
    def stalls(self) -> pd.DataFrame:
        """One row per write that waited inside its policy."""
        return self._table("stalls") if self.meta["format_version"] > 1 else stalls_of_version_1(self.flushes)

    @cached_property
    def kernel_events(self) -> pd.DataFrame:
        events = self._table("kernel_events")
        return events if self.meta["format_version"] > 1 else events_of_version_1(events)

    @cached_property
    def stacks(self) -> dict[int, list[str]]:
        """Stack id -> frames, innermost first; empty without probes."""
        path = self.folder / "stacks.json"
        if not path.exists():
            return {}
        return {int(key): frames for key, frames in msgspec.json.decode(path.read_bytes()).items()}

    def __repr__(self) -> str:
        return f"Run({self.folder.name!r}, outcome={self.summary['outcome']!r}, sends={self.summary['sends']})"


def load_run(path: str | Path, *, allow_incomplete: bool = False) -> Run:
    """The run in a folder. OutputError when it is none; DataLossError when its counts do not reconcile."""
    folder = Path(path)
    meta = _read_json(folder / "run.json", "run")
    if not meta["complete"] and not allow_incomplete:
        broken = [finding["what"] for finding in meta["reconciliation"] if not finding["holds"]]
        raise DataLossError(
            f"the run in {folder} is incomplete: {'; '.join(broken)}",
            "load it with allow_incomplete=True to look at it",
        )
    return Run(folder, meta)


class Comparison:
    """A comparison folder. `meta` is comparison.json, `runs` its runs in the order in which they were made."""

    def __init__(self, folder: Path, meta: dict[str, Any], runs: list[Run]) -> None:
        self.folder = folder
        self.meta = meta
        self.runs = runs

    @property
    def policies(self) -> list[str]:
        return list(self.meta["policies"])

    def runs_of(self, policy: str) -> list[Run]:
        return [run for run in self.runs if run.policy == policy]


def load_comparison(path: str | Path) -> Comparison:
    """The comparison in a folder, with its runs; the same errors as `load_run`."""
    folder = Path(path)
    meta = _read_json(folder / "comparison.json", "comparison")
    runs = [load_run(folder / entry["folder"], allow_incomplete=True) for entry in meta["runs"]]
    return Comparison(folder, meta, runs)
