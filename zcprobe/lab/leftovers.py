# SPDX-License-Identifier: GPL-2.0-only
"""Finds and undoes what dead runs left on this host.

A journal is trusted if only we can have written it (`refuse_journal`), and its entries are undone within bounds
(`zcprobe.lab.undo`). What cannot be undone is reported, and stays in its journal for the next time.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

import msgspec

from zcprobe.directory import Directory
from zcprobe.errors import ZcprobeError
from zcprobe.journal import (
    Journal,
    Kind,
    Record,
    journal_lock,
    open_journal_folder,
    read_record,
    read_start_ticks,
    refuse_journal,
    try_lock,
)
from zcprobe.lab.namespace import is_namespace
from zcprobe.lab.undo import RefusedError, undo

__all__ = ["Cleaned", "Leftover", "clean_leftovers", "find_leftovers"]


class Leftover(msgspec.Struct, frozen=True):
    """Something that a dead run did not undo; `name` is a namespace, a device or a path. `refusal`: why it is left
    alone."""

    kind: Kind | Literal["journal"]
    name: str
    run_id: str
    refusal: str = ""


class Cleaned(msgspec.Struct):
    """`undone`: a line for each thing that existed. `kept`: a line with the reason for each thing that could not be
    undone and stays in its journal."""

    undone: list[str]
    kept: list[Leftover]


class _Found(msgspec.Struct):
    """The content of the journal folder: journals of dead runs, newest first and locked; the names that live runs hold;
    journals that are not trusted."""

    dead: list[Journal]
    live_names: set[str]
    refused: list[Leftover]


def _is_live(fd: int, record: Record | None) -> bool:
    """Whether the run is alive, by its lock; on a file system without locks, by its process."""
    if not try_lock(fd):
        return True
    if record is None or record.pid_namespace != os.stat("/proc/self/ns/pid").st_ino:
        return False
    return read_start_ticks(record.pid) == record.start_ticks


def _look_at(folder: Directory, name: str, found: _Found) -> None:
    """Adds one journal to its list; that of a dead run stays open and locked."""
    path, run_id = str(folder.path / name), name.removesuffix(".json")
    try:
        fd = folder.open_file(name, os.O_RDWR | os.O_APPEND | os.O_NONBLOCK)
    except OSError as error:
        found.refused.append(Leftover("journal", path, run_id, f"it cannot be opened: {error.strerror}"))
        return
    with ExitStack() as stack:
        stack.callback(os.close, fd)
        try:
            refusal = refuse_journal(fd)
            record = None if refusal else read_record(fd)
        except msgspec.ValidationError as error:
            # a run of another version may be live, so nothing of it is read or changed
            record, refusal = None, f"it is of another version, or damaged: {error}"
        if refusal is None and record is not None and record.run_id != run_id:
            refusal = f"it says that it is of run {record.run_id!r}"
        if refusal:
            found.refused.append(Leftover("journal", path, run_id, refusal))
        elif _is_live(fd, record):
            found.live_names |= {name for names in record.things().values() for name in names} if record else set()
        else:
            empty = Record(run_id=run_id, pid=0, start_ticks=0, pid_namespace=0, written_ns=0)
            found.dead.append(Journal(fd, record or empty))
            stack.pop_all()


@contextmanager
def _journals() -> Iterator[_Found]:
    """All journals, while nobody else may read or make one. HostError without root."""
    found = _Found([], set(), [])
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(open_journal_folder(make=False))
        except FileNotFoundError:
            yield found
            return
        stack.enter_context(journal_lock(folder))
        for name in sorted(os.listdir(folder.fd)):
            if name.endswith(".json"):
                _look_at(folder, name, found)
        for dead in found.dead:
            stack.callback(dead.close)
        # Newest first: when two dead runs changed one sysctl, the older journal has the value to end with.
        found.dead.sort(key=lambda dead: -dead.record.written_ns)
        yield found


def _things_of(record: Record) -> list[Leftover]:
    """The leftovers of a journal; devices come before their namespaces, which could keep them."""
    return [Leftover(kind, name, record.run_id) for kind, names in record.things().items() for name in names]


def _is_there(thing: Leftover, record: Record) -> bool:
    if thing.kind == "namespace":
        return is_namespace(thing.name, record.namespaces[thing.name]) is not None
    if thing.kind in ("folder", "file", "result"):
        return os.path.lexists(thing.name)
    return True


def find_leftovers() -> list[Leftover]:
    """What dead runs left on this host, without anything that belongs to a live run. HostError without root."""
    with _journals() as found:
        live = found.live_names
        things = [
            thing
            for dead in found.dead
            for thing in [
                *(one for one in _things_of(dead.record) if one.name not in live and _is_there(one, dead.record)),
                Leftover("journal", str(dead.path), dead.record.run_id),
            ]
        ]
        return things + found.refused


def _clean(thing: Leftover, dead: Journal, live_names: set[str], cleaned: Cleaned) -> None:
    """Undoes a leftover and drops it from its journal; one that cannot be undone stays there and is reported."""
    assert thing.kind != "journal"
    try:
        # what a live run holds by now is left for that run to undo
        line = None if thing.name in live_names else undo(thing.kind, thing.name, dead.record)
        dead.drop(thing.kind, thing.name)
    except (RefusedError, ZcprobeError) as error:
        cleaned.kept.append(msgspec.structs.replace(thing, refusal=str(error)))
    except OSError as error:
        cleaned.kept.append(msgspec.structs.replace(thing, refusal=error.strerror or str(error)))
    else:
        if line is not None:
            cleaned.undone.append(line)


def clean_leftovers() -> Cleaned:
    """Undoes what dead runs left, each thing separately. HostError without root."""
    with _journals() as found:
        cleaned = Cleaned([], list(found.refused))
        for dead in found.dead:
            for thing in _things_of(dead.record):
                _clean(thing, dead, found.live_names, cleaned)
            if dead.is_settled():
                dead.path.unlink(missing_ok=True)
                cleaned.undone.append(f"removed journal of dead run {dead.run_id}")
    return cleaned
