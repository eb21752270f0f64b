"""SQL over many runs: `runs` has a row per run, and each table of the run format has the rows of all runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from zcprobe.dataset.run import Run
from zcprobe.errors import HostError, UsageError
from zcprobe.recorder.tables import TABLES

__all__ = ["df_runs", "query_runs"]

_SCALAR = (str, int, float, bool, type(None))


def df_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run.

    Columns: run (str, folder name), started_utc, kernel_release (str), complete (bool), the configuration's and the
    summary's plain members under their own names (docs/run-format.md). Where both have one, as optmem_max_bytes, it is
    the summary's: what was in force, not what was asked for.
    """
    return pd.DataFrame([_row(run) for run in runs])


def _row(run: Run) -> dict[str, Any]:
    asked = {name: value for name, value in run.meta["config"].items() if value is not None}
    members = {**run.meta["config"], **run.meta["scenario"], **asked, **run.summary}
    return {
        "run": run.folder.name,
        "started_utc": run.meta.get("started_utc"),
        "kernel_release": run.meta["host"]["kernel_release"],
        "complete": run.meta["complete"],
        **{name: value for name, value in members.items() if isinstance(value, _SCALAR) and name != "name"},
    }


def query_runs(runs: Sequence[Run], sql: str) -> pd.DataFrame:
    """Runs the query; only the columns and rows that it needs are read from the files.

    Tables are those of docs/run-format.md with one more column, `run`; a column that an older run does not have is
    NULL there. A table that no run has recorded does not exist.
    """
    try:
        import duckdb
    except ImportError:
        raise HostError("queries need duckdb", "pip install 'zcprobe[campaign]'") from None
    connection = duckdb.connect()
    try:
        connection.register("runs", df_runs(runs))
        for name in TABLES:
            _add_view(connection, name, runs)
        frame: pd.DataFrame = connection.execute(sql).df()
        return frame
    except duckdb.Error as error:
        text = str(error).splitlines()[0]
        raise UsageError(f"the query failed: {text}", f"tables: {', '.join(['runs', *TABLES])}") from None
    finally:
        connection.close()


def _add_view(connection: Any, name: str, runs: Sequence[Run]) -> None:
    paths = [str(run.folder / f"{name}.parquet") for run in runs if (run.folder / f"{name}.parquet").exists()]
    if not paths:
        return
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    source = f"read_parquet([{listed}], union_by_name = true, filename = true)"
    folder = "parse_filename(parse_dirpath(filename))"
    connection.execute(f"create view {name} as select {folder} as run, * exclude (filename) from {source}")
