# SPDX-License-Identifier: GPL-2.0-only
"""SQL over many runs: `runs` has a row per run, and each table of the run format has the rows of all runs."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import dataset as ds
from pyarrow import fs

from zcprobe.dataset.facts import run_row
from zcprobe.dataset.rows import runs_table
from zcprobe.dataset.run import Run
from zcprobe.dataset.table import sql_schema
from zcprobe.errors import HostError, OutputError, UsageError
from zcprobe.format.tables import TABLES

__all__ = ["df_runs", "query_runs"]


def df_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """One row per run.

    Columns: those of `zcprobe.dataset.facts.run_row`, which docs/exports.md lists: run, host, every option as it was in
    effect, impairment, summary. What is not known of a run is missing (NaN or None).
    """
    frame: pd.DataFrame = runs_table(map(run_row, runs)).to_pandas()
    return frame


def query_runs(runs: Sequence[Run], sql: str, table: pa.Table | None = None) -> pd.DataFrame:
    """Runs the query; only the tables, columns and rows that it needs are read from the files.

    Tables are those of docs/run-format.md with one more column, `run`; a column that an older run does not have is
    NULL there. A table that no run has recorded does not exist. `table` is the table `runs` where somebody has it
    already. OutputError for a damaged file.
    """
    try:
        import duckdb
    except ImportError:
        raise HostError("queries need duckdb", "pip install 'zcprobe[sql]'") from None
    connection = duckdb.connect()
    try:
        named = _named_in(connection, sql)  # before there are any: duckdb does not name those that it has bound
        connection.register("runs", runs_table(map(run_row, runs)) if table is None else table)
        for name in named:
            _add_table(connection, name, runs)
        frame: pd.DataFrame = connection.execute(sql).df()
        return frame
    except (pa.ArrowException, UnicodeEncodeError) as error:
        text = str(error).splitlines()[0]
        raise OutputError(f"a query cannot read these runs: {text}", "load them one by one to find the run") from error
    except duckdb.Error as error:
        text = str(error).splitlines()[0]
        raise UsageError(f"the query failed: {text}", f"tables: {', '.join(['runs', *TABLES])}") from None
    finally:
        connection.close()


def _named_in(connection: Any, sql: str) -> list[str]:
    """The tables that the query may need: those of thousands of runs are not opened for a query over `runs` alone. All,
    where it names none; it may ask which there are."""
    import duckdb

    try:
        names = {name.lower() for name in connection.get_table_names(sql)}
        found = [name for name in TABLES if name in names]
    except duckdb.Error:  # several statements, or a join of what is not there yet; a column can have a table's name
        text = sql.lower()
        names = {"runs"} if "runs" in text else set()
        found = [name for name in TABLES if name in text]
    return found if found or names else list(TABLES)


def _add_table(connection: Any, name: str, runs: Sequence[Run]) -> None:
    """Registers the table as an Arrow dataset of named files. duckdb's own reader would take file names for patterns,
    addresses and partitions."""
    paths = [(run, path) for run in runs if (path := run.table_path(name)) is not None]
    if not paths:
        return
    kind = ds.ParquetFileFormat(
        default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    )
    disk = fs.LocalFileSystem()
    fragments = [
        kind.make_fragment(str(path.absolute()), disk, partition_expression=ds.field("run") == run.name)
        for run, path in paths
    ]
    found = [sql_schema(path, name, run.format_version) for run, path in paths]
    schema = pa.unify_schemas([pa.schema([("run", pa.string())]), *found])
    connection.register(name, ds.FileSystemDataset(fragments, schema, kind, disk))
