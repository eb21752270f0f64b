# SPDX-License-Identifier: GPL-2.0-only
"""One run as a Python object: metadata at once, tables when asked for."""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from zcprobe.dataset.downsample import downsample
from zcprobe.dataset.html import run_html
from zcprobe.dataset.integrity import DAMAGED, NO_DIGESTS, FileChecks
from zcprobe.dataset.options import options_of
from zcprobe.dataset.schema import table_schema
from zcprobe.dataset.stacks import load_stacks
from zcprobe.dataset.table import (
    CHUNK_ROWS,
    bounds_ns,
    empty_table,
    group_starts,
    iterate_parts,
    iterate_table,
    read_table,
    require_columns,
    time_column,
)
from zcprobe.errors import UsageError
from zcprobe.escapes import printable
from zcprobe.format.metadata import RunMetadata
from zcprobe.format.summary import KernelSummary, SenderSummary
from zcprobe.format.tables import TABLES
from zcprobe.format.version_1 import stalls_of_version_1

__all__ = ["Run"]


class Run:
    """One run. `meta` is run.json; each table is a DataFrame read on first use, times int64 ns of CLOCK_MONOTONIC.

    Columns are those of docs/run-format.md. A table that was not recorded (`record` off, no probes) is empty. The
    attributes `sends`, `notifications` and so on keep a whole table in memory; `read`, `iterate` and `downsample` do
    not. All of them raise OutputError when the file is damaged.

    `digest` is the SHA-256 that run.json ends with, None in a run from before there were digests. `integrity` is what
    is known of the run's files, one of the three sentences of `zcprobe.dataset.integrity`; `damage` says what is wrong
    with which file of a run that was loaded although it is not as recorded.
    """

    def __init__(self, folder: Path, meta: RunMetadata, digest: str | None = None) -> None:
        self.folder = folder
        self.meta = meta
        self.digest = digest
        self.integrity = NO_DIGESTS
        self.damage: list[str] = []

    @property
    def name(self) -> str:
        """The name of the run's folder, made safe to show."""
        return printable(self.folder.name)

    @cached_property
    def files(self) -> FileChecks:
        """Checks the run's files against the digests in run.json."""
        return FileChecks(self.folder, self.meta.files)

    @property
    def format_version(self) -> int:
        return self.meta.format_version

    @property
    def kernel(self) -> KernelSummary:
        """What the kernel said of the run's sockets."""
        return self.meta.kernel

    @property
    def sender(self) -> SenderSummary:
        """What our own sender and its sink counted. UsageError for a run that was only watched."""
        counted: SenderSummary | None = self.meta.sender
        if counted is None:
            raise UsageError(
                f"{self.name} was only watched: none of our senders and sinks counted in it",
                "run.kernel has what the kernel said; what needs both is made from runs of zcprobe run",
            )
        return counted

    @property
    def policy(self) -> str:
        return self.meta.config.policy

    @property
    def scenario(self) -> str:
        return self.meta.config.scenario

    @property
    def options(self) -> dict[str, Any]:
        """How the run was made: every option of `zcprobe.dataset.options.OPTIONS`; None for one that had no effect."""
        return options_of(self.meta)

    @property
    def send_bytes(self) -> int:
        """Bytes of a write, as in effect. 0 where writes have several sizes, or are packets of a migration."""
        return int(self.options["send_bytes"] or 0)

    @property
    def hold_one_in_count(self) -> int | None:
        """N where the path holds back the clone of 1 in N packets; None where it holds none."""
        found: int | None = self.options["hold_one_in_count"]
        return found

    def table_path(self, table: str) -> Path | None:
        """The file of a table, once it was checked to be as recorded; None when the table was not recorded. UsageError
        for an unknown name."""
        if table not in TABLES:
            raise UsageError(f"a run has no table {table!r}", f"its tables: {', '.join(TABLES)}")
        if not self.damage:
            self.files.require(f"{table}.parquet")
        return self.folder / f"{table}.parquet" if self.is_recorded(table) else None

    def is_recorded(self, table: str) -> bool:
        """Whether there is a file of the table."""
        return os.path.lexists(self.folder / f"{table}.parquet")

    def has(self, table: str) -> bool:
        """Whether the table was recorded, or can be made from another that was."""
        return self.table_path("flushes" if self._makes(table) else table) is not None

    def row_count(self, table: str) -> int:
        return sum(count for _, count in self._starts(table))

    def _makes(self, table: str) -> bool:
        return table == "stalls" and self.format_version == 1

    def read(self, table: str, columns: Sequence[str] | None = None, where: slice = slice(None)) -> pd.DataFrame:
        """Some columns of a table, or all; all rows, or those of a slice of time in ns. It reads hardly more of the
        file than it returns. UsageError for an unknown name."""
        path = self.table_path(table)
        if path is not None and table not in self.__dict__:
            return read_table(path, table, self.format_version, columns, where)
        whole = self._in_memory(table)
        if where != slice(None):
            whole = whole[whole[time_column(table)].between(*bounds_ns(where), inclusive="left")]
        return whole if columns is None else whole[require_columns(table, columns)]

    def _in_memory(self, table: str) -> pd.DataFrame:
        """The whole table, where it is kept in memory or has no file of its own."""
        if table in self.__dict__:
            whole: pd.DataFrame = self.__dict__[table]
            return whole
        return stalls_of_version_1(self.read("flushes")) if self._makes(table) else empty_table(table)

    def iterate(
        self, table: str, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS
    ) -> Iterator[pd.DataFrame]:
        """Like `read`, in order, at most `rows` rows at a time: a run of any length in bounded memory."""
        path = self.table_path(table)
        if path is None or table in self.__dict__:
            whole = self.read(table, columns)
            return (whole.iloc[first : first + rows] for first in range(0, len(whole), rows))
        return iterate_table(path, table, self.format_version, columns, rows)

    def iterate_parts(self, table: str, columns: Sequence[str] | None = None, rows: int = CHUNK_ROWS) -> Iterator[Any]:
        """Like `iterate`, as pyarrow.Tables; yields none when the table was not recorded."""
        path = self.table_path(table)
        if path is not None:
            return iterate_parts(path, table, self.format_version, columns, rows)
        schema = pa.schema([table_schema(table).field(name) for name in require_columns(table, columns)])
        frames = self.iterate(table, columns, rows)
        return (pa.Table.from_pandas(frame, schema, preserve_index=False) for frame in frames)

    def spans(self, tables: Sequence[str], rows: int = CHUNK_ROWS) -> list[slice]:
        """Slices in ns that cover all of time. Each holds about `rows` rows of these tables together, or fewer, so that
        several tables can be read side by side (`read`) in bounded memory."""
        pieces = sorted(piece for table in tables for piece in self._starts(table))
        begins: list[int | None] = [None]
        held = 0
        for begin, count in pieces:
            if held and held + count > rows and begin != begins[-1]:
                begins.append(begin)
                held = 0
            held += count
        return [slice(begin, end) for begin, end in zip(begins, [*begins[1:], None], strict=True)]

    def _starts(self, table: str) -> list[tuple[int, int]]:
        path = self.table_path(table)
        if path is not None and table not in self.__dict__:
            return group_starts(path, table)
        whole = self._in_memory(table)
        return [(int(whole[time_column(table)].min()), len(whole))] if len(whole) else []

    def downsample(self, table: str, value: str, buckets: int = 1000, where: slice = slice(None)) -> pd.DataFrame:
        """Lowest, highest and mean of a column in each of `buckets` spans of the table's time, read in chunks.

        `where` is a slice of time in ns. Columns and types: `zcprobe.dataset.downsample.DOWNSAMPLED_DTYPES`.
        """
        require_columns(table, [value])
        time = time_column(table)
        return downsample(lambda: self.iterate(table, [time, value]), time, value, buckets, where)

    @cached_property
    def sends(self) -> pd.DataFrame:
        return self.read("sends")

    @cached_property
    def notifications(self) -> pd.DataFrame:
        return self.read("notifications")

    @cached_property
    def flushes(self) -> pd.DataFrame:
        return self.read("flushes")

    @cached_property
    def meminfo(self) -> pd.DataFrame:
        return self.read("meminfo")

    @cached_property
    def rounds(self) -> pd.DataFrame:
        """The rounds of migration traffic."""
        return self.read("rounds")

    @cached_property
    def requests(self) -> pd.DataFrame:
        """The requests of rpc traffic."""
        return self.read("requests")

    @cached_property
    def stalls(self) -> pd.DataFrame:
        """Writes that waited inside their policy."""
        return self.read("stalls")

    @cached_property
    def tcp_info(self) -> pd.DataFrame:
        """What TCP knew of the path of each channel."""
        return self.read("tcp_info")

    @cached_property
    def samples(self) -> pd.DataFrame:
        """A row per socket and interval of an attachment."""
        return self.read("samples")

    @cached_property
    def kernel_events(self) -> pd.DataFrame:
        return self.read("kernel_events")

    @cached_property
    def stacks(self) -> dict[int, list[str]]:
        """Stack id -> frames, innermost first; empty without probes."""
        if not self.damage:
            self.files.require("stacks.json")
        path = self.folder / "stacks.json"
        return load_stacks(path) if os.path.lexists(path) else {}

    def __repr__(self) -> str:
        told = f", {DAMAGED}" if self.damage else ""
        counted: SenderSummary | None = self.meta.sender
        what = f"outcome={counted.outcome!r}, sends={counted.sends}" if counted else f"kind={self.meta.kind!r}"
        return f"Run({self.name!r}, {what}{told})"

    def _repr_html_(self) -> str:
        return run_html(self.name, self.meta)
