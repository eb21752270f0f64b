# SPDX-License-Identifier: GPL-2.0-only
"""The journal: what a run has changed on this host, written where a later process finds it if the run is killed.

Every entry is written before the thing it names can be found by its name, so a journal may name things that never
existed but never misses one that does. Each change appends the whole record as a line; a line that was cut short is
ignored. The live run holds a lock on its journal, which the kernel drops when the process is gone, however it ended and
in whatever pid namespace it was.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Literal

import msgspec

from zcprobe.directory import Directory, Identity
from zcprobe.errors import HostError
from zcprobe.signals import deferred_signals

__all__ = [
    "JOURNAL_FOLDER",
    "Journal",
    "Kind",
    "Loan",
    "Record",
    "Result",
    "journal",
    "journal_lock",
    "new_run_id",
    "open_journal_folder",
    "read_record",
    "read_start_ticks",
    "refuse_journal",
    "try_lock",
]

JOURNAL_FOLDER = Path("/run/zcprobe")
"""The folder of all journals, on a tmpfs: a reboot undoes everything that a journal can name except folders and files,
which are harmless."""

Kind = Literal["device", "namespace", "file", "folder", "result", "sysctl"]

_LOCK_TIMEOUT_S = 30.0
"""Longer than a clean-up takes that waits for network devices."""


def new_run_id() -> str:
    """The id of a run on this host, which is part of the names of its journal, its namespaces and its folder."""
    return os.urandom(3).hex()


class Loan(msgspec.Struct, frozen=True):
    """A device of the host in a namespace of the run."""

    namespace: str
    up: bool


class Result(msgspec.Struct, frozen=True):
    """A folder that has its final name but still belongs to root. `owner`: uid and gid of the user who is to get it;
    `modes`: modes that folders and files are to get, by the run's umask. An older journal has no modes; then only the
    owner gets access."""

    identity: Identity
    owner: tuple[int, int]
    modes: tuple[int, int] = (0o700, 0o600)


class Record(msgspec.Struct, kw_only=True):
    """One line of the file. Unknown keys are ignored, so that another version's live run is still seen as live.

    `namespaces`: name -> inode. `folders` and `files`: absolute path -> device and inode, or None if it is about to be
    made. `sysctls`: path -> the value to restore.
    """

    run_id: str
    pid: int
    start_ticks: int
    pid_namespace: int
    written_ns: int
    namespaces: dict[str, int] = {}
    folders: dict[str, Identity | None] = {}
    files: dict[str, Identity | None] = {}
    results: dict[str, Result] = {}
    sysctls: dict[str, int] = {}
    devices: dict[str, Loan] = {}

    def things(self) -> dict[Kind, list[str]]:
        """Names by kind, in the order in which they are undone."""
        return {
            "device": list(self.devices),  # before its namespace, which could keep the device
            "namespace": list(self.namespaces),
            "file": list(self.files),
            "folder": list(self.folders),
            "result": list(self.results),
            "sysctl": list(self.sysctls),
        }


def read_start_ticks(pid: int) -> int | None:
    """Start time of a live process in clock ticks since boot (/proc/PID/stat, field 22); None if it is dead.

    A zombie counts as dead, because it can no longer undo anything.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name in field 2 may hold spaces and parentheses; the state, field 3, follows its last one.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _own_record(run_id: str) -> Record:
    start_ticks = read_start_ticks(os.getpid())
    assert start_ticks is not None
    return Record(
        run_id=run_id,
        pid=os.getpid(),
        start_ticks=start_ticks,
        pid_namespace=os.stat("/proc/self/ns/pid").st_ino,
        written_ns=time.time_ns(),
    )


class Journal:
    """One run's journal file. Call `add_*` before making a thing and `drop_*` after undoing it. Dropping something that
    is not there is allowed.

    `fd` is the descriptor of the file, open for appending and locked.
    """

    def __init__(self, fd: int, record: Record) -> None:
        self.fd = fd
        self.record = record

    def close(self) -> None:
        """Releases the lock: from now on the run counts as dead."""
        os.close(self.fd)

    @property
    def run_id(self) -> str:
        return self.record.run_id

    @property
    def path(self) -> Path:
        return JOURNAL_FOLDER / f"{self.run_id}.json"

    def write(self) -> None:
        # the newline comes first, to end a line that an earlier write may have left unfinished
        rest = b"\n" + msgspec.json.encode(self.record)
        while rest:  # after a short write the next one gives the reason: no space, or a limit on the size of files
            rest = rest[os.write(self.fd, rest) :]

    def add_namespace(self, name: str, inode: int) -> None:
        self.record.namespaces[name] = inode
        self.write()

    def drop_namespace(self, name: str) -> None:
        self.drop("namespace", name)

    def add_folder(self, path: Path, identity: Identity | None = None) -> None:
        """`path` is temporary: it is deleted if this run dies before `drop_folder`. Before it is made it has no
        identity; then it is deleted only if it is empty."""
        self.record.folders[str(path)] = identity
        self.write()

    def drop_folder(self, path: Path) -> None:
        """`path` was deleted, or renamed to a name that the user keeps."""
        self.drop("folder", str(path))

    def add_file(self, path: Path, identity: Identity | None = None) -> None:
        self.record.files[str(path)] = identity
        self.write()

    def drop_file(self, path: Path) -> None:
        self.drop("file", str(path))

    def add_result(self, path: Path, result: Result) -> None:
        """`path` stays, and is given to its user if this run dies before `drop_result`."""
        self.record.results[str(path)] = result
        self.write()

    def drop_result(self, path: Path) -> None:
        self.drop("result", str(path))

    def add_sysctl(self, path: Path, old_value: int) -> None:
        self.record.sysctls[str(path)] = old_value
        self.write()

    def drop_sysctl(self, path: Path) -> None:
        self.drop("sysctl", str(path))

    def add_device(self, device: str, namespace: str, *, up: bool) -> None:
        self.record.devices[device] = Loan(namespace, up)
        self.write()

    def drop_device(self, device: str) -> None:
        self.drop("device", device)

    def drop(self, kind: Kind, name: str) -> None:
        """If /run is full, the file still names it, which a journal may, and the undoing continues."""
        things: dict[str, object] = getattr(self.record, f"{kind}s")
        if name in things:
            del things[name]
            with suppress(OSError):
                self.write()

    def is_settled(self) -> bool:
        """Whether everything that was added has been dropped again."""
        return not any(self.record.things().values())


def open_journal_folder(*, make: bool = True) -> Directory:
    """/run/zcprobe, with mode 0700 whatever the umask. FileNotFoundError if it does not exist and is not to be made.
    HostError if it belongs to another user, or may contain files of others; then nothing in it is trusted."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(JOURNAL_FOLDER, 0o700)
    try:
        folder = Directory.open(JOURNAL_FOLDER)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HostError(
            f"{JOURNAL_FOLDER} cannot be opened: {error.strerror}", "run as root; it must be a folder, not a link"
        ) from error
    status = folder.status
    if status.st_uid != os.geteuid() or (status.st_mode & 0o022 and os.listdir(folder.fd)):
        os.close(folder.fd)
        raise HostError(
            f"{JOURNAL_FOLDER} is not trusted: others own it or can write to it",
            f"check what is in it, then: rm -r {JOURNAL_FOLDER}",
        )
    try:
        os.fchmod(folder.fd, 0o700)
    except OSError as error:
        os.close(folder.fd)
        raise HostError(f"{JOURNAL_FOLDER} cannot be made private: {error.strerror}", "make /run writable") from error
    return folder


def try_lock(fd: int) -> bool:
    """Whether the lock was free, and is now held by this descriptor."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def journal_lock(folder: Directory) -> Iterator[None]:
    """While this lock is held, no journal is made, and nobody else asks which are live. HostError if another process
    keeps it."""
    deadline = time.monotonic() + _LOCK_TIMEOUT_S
    while not try_lock(folder.fd):
        if time.monotonic() > deadline:
            raise HostError(
                f"another process has held {JOURNAL_FOLDER} for {_LOCK_TIMEOUT_S:g} s",
                f"find it: fuser -v {JOURNAL_FOLDER}; it is a zcprobe doctor that was stopped",
            )
        time.sleep(0.01)
    try:
        yield
    finally:
        fcntl.flock(folder.fd, fcntl.LOCK_UN)


def refuse_journal(fd: int) -> str | None:
    """Why a journal is not trusted; None for one that only we can have written."""
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        return "it is not a plain file"
    if status.st_uid != os.geteuid():
        return f"it belongs to user {status.st_uid}"
    if status.st_mode & 0o077:
        return f"its mode is {stat.S_IMODE(status.st_mode):04o}, and ours are 0600"
    if status.st_nlink != 1:
        return "it has another name as well"
    return None


def read_record(fd: int) -> Record | None:
    """The record in the last complete line; None if there is none, because the run was killed before it changed
    anything. msgspec.ValidationError if it is not a record of ours, or of another version."""
    os.lseek(fd, 0, os.SEEK_SET)
    with os.fdopen(os.dup(fd), "rb") as file:
        lines = [line for line in file.read().split(b"\n") if line]
    for line in reversed(lines):
        try:
            return msgspec.json.decode(line, type=Record)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            continue
    return None


@contextmanager
def journal(run_id: str, waiting: AbstractContextManager[object] | None = None) -> Iterator[Journal]:
    """A journal for this process. Leaving the context removes it, unless it still names something that was not undone.

    `waiting` is entered while another process keeps the lock on all journals, which can take half a minute; a caller
    that blocks signals can let them end the wait. HostError if /run/zcprobe cannot be written, or a run of that id
    already has a journal there.
    """
    try:
        opened = _new_journal(run_id, waiting or nullcontext())
    except FileExistsError:
        raise HostError(
            f"run {run_id} already has a journal", "zcprobe doctor --clean removes it if it is dead"
        ) from None
    except OSError as error:
        raise HostError(
            f"{JOURNAL_FOLDER} cannot be written: {error.strerror}", "run as root, with a writable /run"
        ) from error
    try:
        yield opened
    finally:
        with deferred_signals():
            if opened.is_settled():
                opened.path.unlink(missing_ok=True)
            opened.close()


def _new_journal(run_id: str, waiting: AbstractContextManager[object]) -> Journal:
    record, name = _own_record(run_id), f"{run_id}.json"
    with open_journal_folder() as folder, ExitStack() as lock, ExitStack() as undone:
        with waiting:
            lock.enter_context(journal_lock(folder))
        with deferred_signals():
            opened = Journal(folder.create(name, os.O_RDWR | os.O_APPEND), record)
            undone.callback(opened.close)
            undone.callback(folder.unlink, name)
            try_lock(opened.fd)
            opened.write()
        undone.pop_all()
    return opened
