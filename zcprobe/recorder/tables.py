# SPDX-License-Identifier: GPL-2.0-only
"""Writes the tables of a run folder from its spool files, and imports what that needs beforehand."""

import importlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zcprobe.format.tables import TABLES
from zcprobe.recorder.spools import spools_of
from zcprobe.signals import ENDING

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["starting", "write_tables"]

_WRITES_TABLES = "zcprobe.recorder.parquet"


def write_tables(folder: Path) -> dict[str, int]:
    """Converts spool files to Parquet and removes them; returns table name -> rows. Tables of other traffic, and
    of TCP for other sockets, are left out."""
    from zcprobe.recorder.parquet import write_table

    rows = {}
    for table in TABLES.values():
        spools = spools_of(folder, table.name)
        optional = table.name in ("rounds", "requests", "tcp_info") and not any(path.stat().st_size for path in spools)
        if spools and not optional:
            rows[table.name] = write_table(table, spools, folder)
        for spool in spools:
            spool.unlink()
    return rows


def _import_what_writes_tables() -> None:
    """Imports in a separate thread. The main thread handles signals, and raises what went wrong."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    with suppress(Exception):
        importlib.import_module(_WRITES_TABLES)


@contextmanager
def starting(probes: "ProbeSession | None") -> Iterator[Callable[[], None]]:
    """Imports numpy and pyarrow, which take CPU time, while a subject gets ready. `finish()` waits for the imports and
    for the probes before anything is measured. ImportError."""
    thread = threading.Thread(target=_import_what_writes_tables)

    def finish() -> None:
        thread.join()
        importlib.import_module(_WRITES_TABLES)  # raises what went wrong
        if probes is not None:
            probes.wait()

    thread.start()
    try:
        yield finish
    finally:
        thread.join()
