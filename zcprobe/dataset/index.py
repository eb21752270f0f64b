# SPDX-License-Identifier: GPL-2.0-only
"""Finds the rows that indexes have of runs, and takes only those whose run.json has not changed since."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import pyarrow as pa

from zcprobe.dataset.index_file import INDEX_FILE, ORIGIN, decode_index, index_schema
from zcprobe.dataset.rows import join_tables
from zcprobe.dataset.warn import warn_caller
from zcprobe.errors import OutputError

__all__ = ["KnownRows", "known_rows", "size_and_time"]


class KnownRows(msgspec.Struct, frozen=True):
    """`table`: rows of an index. `row_of`: path of a run's folder -> its row there."""

    table: pa.Table
    row_of: dict[str, int]


def size_and_time(folder: Path | str) -> tuple[int, int] | None:
    """Size in bytes and modification time in ns of the folder's run.json; None for anything but a plain file in a
    folder. A copy that keeps times (cp -a, rsync -a, tar) keeps both."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(folder).st_mode)
        status = os.lstat(f"{folder}/run.json")
    except (OSError, ValueError):
        return None
    return (status.st_size, status.st_mtime_ns) if is_folder and stat.S_ISREG(status.st_mode) else None


def known_rows(digests: Mapping[Path, str | None], base: Path) -> KnownRows:
    """The current rows of these runs in every index that lies at `base` or between `base` and a run. A UserWarning
    names an index that is damaged; its runs have no rows then. `digests`: folder -> the digest that its run.json must
    have, None for any."""
    tables = [index_schema().empty_table()]
    row_of: dict[str, int] = {}
    wanted = {str(folder): digest for folder, digest in digests.items()}
    for place in _places(wanted, base):
        table = _read(place)
        if table is None:
            continue
        first = sum(map(len, tables))
        tables.append(table)
        for row, (folder, noted, digest) in enumerate(_origins(place, table)):
            if folder not in wanted or folder in row_of or wanted[folder] not in (None, digest):
                continue
            if size_and_time(folder) == noted:
                row_of[folder] = first + row
    return KnownRows(join_tables(tables), row_of)


def _places(folders: Iterable[str], base: Path) -> list[Path]:
    """The folders that hold others, each once, up to `base`."""
    places = dict.fromkeys([base])
    for holder in map(Path, {os.path.dirname(folder) for folder in folders}):
        for place in (holder, *holder.parents):
            if place in places or not place.is_relative_to(base):
                break
            places[place] = None
    return list(places)


def _read(place: Path) -> pa.Table | None:
    try:
        return decode_index(place / INDEX_FILE)
    except OutputError as error:
        warn_caller(f"not used: {error}; {error.hint}")
        return None


def _origins(place: Path, table: pa.Table) -> Iterator[tuple[str, tuple[int, int], str | None]]:
    """(path of the folder, size and time, digest) of each row. A path that leaves the index's own folder is that of no
    run."""
    prefix = "" if place == Path() else os.path.join(place, "")
    columns = (table[name].to_pylist() for name in ORIGIN.names)
    for folder, size, time_ns, digest in zip(*columns, strict=True):
        inside = not folder.startswith(b"/") and b".." not in folder.split(b"/")
        yield (prefix + os.fsdecode(folder) if inside else ""), (size, time_ns), digest
