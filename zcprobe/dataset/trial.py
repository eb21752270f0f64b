# SPDX-License-Identifier: GPL-2.0-only
"""Reads tables that are not as recorded once in a process of their own: Arrow may abort on damaged bytes, and then
that process ends instead of ours.

The arguments of the process are a folder, the version of its format, and the tables. It writes a line with each table's
name before it reads the table, and a line with what is wrong after a table that it cannot read.
"""

import subprocess
import sys
from pathlib import Path

from zcprobe.errors import OutputError
from zcprobe.isolation import python_command

__all__ = ["main", "require_readable"]

_LONGEST_S = 600.0
_PACKAGES = ("zcprobe", "msgspec", "numpy", "pandas", "pyarrow")
"""The packages that the process imports besides Python's own modules."""

_USELESS = "the file is too damaged to be read; load the run without it, or copy it again from where it was recorded"


def require_readable(folder: Path, version: int, tables: list[str]) -> None:
    """OutputError for the first table that a process of its own could not read whole."""
    if not tables:
        return
    words = python_command("zcprobe.dataset.trial", _PACKAGES, str(folder.absolute()), str(version), *tables)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        raise OutputError(f"{folder}: reading a damaged table took more than {_LONGEST_S:g} s", _USELESS) from None
    if done.returncode == 0:
        return
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode == OutputError.exit_code and len(lines) > 1:
        raise OutputError(lines[-1], _USELESS)
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    name = lines[-1] if lines else tables[0]
    raise OutputError(f"{folder / name}.parquet: the process that tried to read it ended by {how}", _USELESS)


def _read(folder: Path, version: int, tables: list[str]) -> int:
    """Reads as a reader would: the statistics, and every value of every column, in pandas."""
    from zcprobe.dataset.check import check_table
    from zcprobe.dataset.table import group_starts, iterate_table

    for table in tables:
        print(table, flush=True)
        path = folder / f"{table}.parquet"
        try:
            check_table(path, table, version)
            group_starts(path, table)
            for _ in iterate_table(path, table, version):
                pass
        except OutputError as error:
            print(error)
            return error.exit_code
    return 0


def main() -> None:
    folder, version, *tables = sys.argv[2:]
    sys.exit(_read(Path(folder), int(version), tables))
