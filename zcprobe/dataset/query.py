"""SQL over many runs: `runs` has a row per run, and each table of the run format has the rows of all runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from zcprobe.dataset.facts import flat_facts
from zcprobe.dataset.run import Run
from zcprobe.errors import HostError, UsageError
from zcprobe.recorder.tables import TABLES

__all__ = ["df_runs", "query_runs"]


def df_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run.

    Columns: those of `zcprobe.dataset.facts.flat_facts`, which docs/exports.md lists: run, host, every option as it was
    in effect, impairment, summary.
    """
    return pd.DataFrame([flat_facts(run) for run in runs])


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
