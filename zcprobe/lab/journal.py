"""The journal: what a run has changed on this host, kept where a later process finds it if the run is killed.

Every entry is written before the thing it names is made, so a journal may name things that never came to be but
never misses one that did.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import msgspec

from zcprobe.errors import HostError
from zcprobe.lab.device import give_back
from zcprobe.lab.interrupts import deferred_signals
from zcprobe.lab.namespace import list_namespaces, remove_namespace

__all__ = ["JOURNAL_FOLDER", "Journal", "Leftover", "clean_leftovers", "find_leftovers", "journal", "read_start_ticks"]

JOURNAL_FOLDER = Path("/run/zcprobe")
"""On a tmpfs: a reboot undoes everything a journal can name except folders, and folders are harmless."""


class Leftover(msgspec.Struct, frozen=True):
    """Something a dead run did not undo; `name` is a namespace, a device or a path, `value` what a sysctl held before.

    Of a device `value` is the namespace that it was lent to, and `up` whether it was up.
    """

    kind: Literal["device", "namespace", "folder", "sysctl", "journal"]
    name: str
    run_id: str
    value: str = ""
    up: bool = False


class _Loan(msgspec.Struct, frozen=True):
    """A device of the host in a namespace of the run."""

    namespace: str
    up: bool


class _Record(msgspec.Struct, kw_only=True):
    """The file. Unknown keys are ignored, so that another version's live run is still seen as live."""

    run_id: str
    pid: int
    start_ticks: int
    written_ns: int
    namespaces: list[str] = []
    folders: list[str] = []
    sysctls: dict[str, str] = {}
    devices: dict[str, _Loan] = {}


def read_start_ticks(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot (/proc/PID/stat, field 22); None when it is dead.

    A zombie counts as dead: it can undo nothing any more.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name in field 2 may hold spaces and parentheses; the state, field 3, follows its last one.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


class Journal:
    """One run's journal file. `add_*` before making, `drop_*` after undoing; dropping what is not there is no error."""

    def __init__(self, run_id: str) -> None:
        start_ticks = read_start_ticks(os.getpid())
        assert start_ticks is not None
        self._record = _Record(run_id=run_id, pid=os.getpid(), start_ticks=start_ticks, written_ns=time.time_ns())
        self.path = JOURNAL_FOLDER / f"{run_id}.json"

    @property
    def run_id(self) -> str:
        return self._record.run_id

    def write(self) -> None:
        # Written aside and renamed: a reader sees the old record or the new one, never half of one.
        aside = self.path.with_suffix(f".{self._record.pid}.tmp")
        aside.write_bytes(msgspec.json.encode(self._record))
        aside.replace(self.path)

    def add_namespace(self, name: str) -> None:
        self._record.namespaces.append(name)
        self.write()

    def drop_namespace(self, name: str) -> None:
        if name in self._record.namespaces:
            self._record.namespaces.remove(name)
            self.write()

    def add_folder(self, path: Path) -> None:
        """`path` is temporary: delete it if this run dies before `drop_folder`."""
        self._record.folders.append(str(path.absolute()))
        self.write()

    def drop_folder(self, path: Path) -> None:
        """`path` was deleted, or renamed to what the user keeps."""
        if str(path.absolute()) in self._record.folders:
            self._record.folders.remove(str(path.absolute()))
            self.write()

    def add_sysctl(self, path: Path, old_value: str) -> None:
        self._record.sysctls[str(path)] = old_value
        self.write()

    def drop_sysctl(self, path: Path) -> None:
        if self._record.sysctls.pop(str(path), None) is not None:
            self.write()

    def add_device(self, device: str, namespace: str, *, up: bool) -> None:
        self._record.devices[device] = _Loan(namespace, up)
        self.write()

    def drop_device(self, device: str) -> None:
        if self._record.devices.pop(device, None) is not None:
            self.write()

    def is_settled(self) -> bool:
        """Everything that was added has been dropped again."""
        record = self._record
        return not (record.namespaces or record.folders or record.sysctls or record.devices)


@contextmanager
def journal(run_id: str) -> Iterator[Journal]:
    """A journal for this process, removed on leaving unless it still names something that was not undone.

    HostError when /run/zcprobe cannot be written, or another run of that id has a journal there.
    """
    opened = Journal(run_id)
    try:
        JOURNAL_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
        if opened.path.exists():
            raise HostError(
                f"there is a journal of run {run_id} already", "zcprobe doctor --clean removes it if it is dead"
            )
        opened.write()
    except OSError as error:
        raise HostError(
            f"{JOURNAL_FOLDER} cannot be written: {error.strerror}", "run as root, with a /run that can be written"
        ) from error
    try:
        yield opened
    finally:
        with deferred_signals():
            if opened.is_settled():
                opened.path.unlink(missing_ok=True)


def _load_record(path: Path) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Record)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _things_of(record: _Record, existing: list[str]) -> list[Leftover]:
    return [
        # before its namespace, which could keep it
        *(Leftover("device", name, record.run_id, loan.namespace, loan.up) for name, loan in record.devices.items()),
        *(Leftover("namespace", name, record.run_id) for name in record.namespaces if name in existing),
        *(Leftover("folder", path, record.run_id) for path in record.folders if Path(path).is_dir()),
        *(Leftover("sysctl", path, record.run_id, old) for path, old in record.sysctls.items()),
    ]


def find_leftovers() -> list[Leftover]:
    """What dead runs left on this host; nothing that belongs to a live run."""
    # Namespaces before journals: a namespace seen now had its journal written before, so a run that starts meanwhile
    # is never taken for dead.
    existing = list_namespaces()
    records = {path: _load_record(path) for path in sorted(JOURNAL_FOLDER.glob("*.json"))}
    known = [record for record in records.values() if record is not None]
    live = [record for record in known if read_start_ticks(record.pid) == record.start_ticks]
    # Newest first: where two dead runs changed one sysctl, the oldest holds the value to end with.
    dead = sorted((record for record in known if record not in live), key=lambda record: -record.written_ns)

    kept = {name for record in live for name in (*record.namespaces, *record.folders, *record.sysctls, *record.devices)}
    found = [thing for record in dead for thing in _things_of(record, existing) if thing.name not in kept]
    named = {thing.name for thing in found}
    found += [Leftover("namespace", name, "") for name in existing if name not in kept | named]
    found += [
        Leftover("journal", str(path), path.stem)
        for path, record in records.items()
        if record is None or record in dead
    ]
    return found


def _clean_device(leftover: Leftover) -> str:
    give_back(leftover.name, leftover.value, up=leftover.up)
    return f"gave back network device {leftover.name}"


def _clean_namespace(leftover: Leftover) -> str | None:
    return f"removed network namespace {leftover.name}" if remove_namespace(leftover.name) else None


def _clean_folder(leftover: Leftover) -> str | None:
    with suppress(FileNotFoundError):
        shutil.rmtree(leftover.name)
        return f"removed unfinished run folder {leftover.name}"
    return None


def _clean_sysctl(leftover: Leftover) -> str | None:
    Path(leftover.name).write_text(leftover.value)
    return f"restored {leftover.name} to {leftover.value}"


def _clean_journal(leftover: Leftover) -> str | None:
    with suppress(FileNotFoundError):
        Path(leftover.name).unlink()
        return f"removed journal of dead run {leftover.run_id}"
    return None


_CLEANERS: dict[str, Callable[[Leftover], str | None]] = {
    "device": _clean_device,
    "namespace": _clean_namespace,
    "folder": _clean_folder,
    "sysctl": _clean_sysctl,
    "journal": _clean_journal,
}


def clean_leftovers() -> list[str]:
    """Undo what dead runs left; one line for each thing that was there. HostError without root."""
    lines = []
    for leftover in find_leftovers():
        try:
            line = _CLEANERS[leftover.kind](leftover)
        except PermissionError as error:
            raise HostError(f"not allowed to remove {leftover.kind} {leftover.name}", "run zcprobe as root") from error
        if line is not None:
            lines.append(line)
    return lines
