# SPDX-License-Identifier: GPL-2.0-only
"""Undoes one entry of a dead run's journal, within the bounds of what a run can have made.

A network namespace must have the recorded inode; a folder or file the recorded device and inode, and a name of our
form. A sysctl must be one that runs change, with a value in its range; a device must have been lent to such a
namespace.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.directory import Directory, identity_of, open_real_folder
from zcprobe.journal import Kind, Record
from zcprobe.lab.device import give_back
from zcprobe.lab.namespace import NAMESPACE_PREFIX, is_namespace, remove_namespace

__all__ = ["OPTMEM_MAX_PATH", "RefusedError", "undo"]

OPTMEM_MAX_PATH = Path("/proc/sys/net/core/optmem_max")

_SYSCTL_RANGES = {str(OPTMEM_MAX_PATH): range(2**31)}
"""Every sysctl of the host that a run may change, with the range of its values."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_DEVICE = re.compile(r"[^/\s]{1,15}")
_OUTPUT_NAME = re.compile(r"\.zcprobe-[0-9a-f]{16}\.partial")
"""Name of a file that is about to replace another, as `zcprobe.cli.output` makes it."""
_REPLACED = "something else stands in its place"


class RefusedError(Exception):
    """The reason why a thing is left alone."""


def _folder_name(run_id: str, *, partial: bool) -> re.Pattern[str]:
    before, after = (r"\.", r"\.partial") if partial else ("", "")
    return re.compile(rf"{before}\d{{8}}T\d{{6}}Z-.+-{re.escape(run_id)}{after}", re.ASCII)


def _is_name_of_namespace(name: str, record: Record) -> bool:
    return re.fullmatch(rf"{NAMESPACE_PREFIX}{re.escape(record.run_id)}-(tx|rx)", name) is not None


def _clean_device(name: str, record: Record) -> str:
    loan = record.devices[name]
    if not _DEVICE.fullmatch(name) or not _is_name_of_namespace(loan.namespace, record):
        raise RefusedError("it is not a device in a namespace of that run")
    # after it is removed and dropped, anything of its name belongs to somebody else
    if is_namespace(loan.namespace, record.namespaces.get(loan.namespace, -1)) is False:
        raise RefusedError(f"{loan.namespace} is another namespace by now")
    give_back(name, loan.namespace, up=loan.up)
    return f"gave back network device {name}"


def _clean_namespace(name: str, record: Record) -> str | None:
    if not _is_name_of_namespace(name, record):
        raise RefusedError("its name is not the name of one of that run")
    removed = remove_namespace(name, record.namespaces[name])
    return f"removed network namespace {name}" if removed else None


@contextmanager
def _parent_of(path: Path, name: re.Pattern[str]) -> Iterator[Directory | None]:
    """The open folder; None if it no longer exists, so there is nothing in it."""
    if not path.is_absolute() or ".." in path.parts or not name.fullmatch(path.name):
        raise RefusedError("its name is not the name of something of that run")
    try:
        parent = open_real_folder(path.parent)
    except FileNotFoundError:
        yield None
        return
    with parent:
        yield parent


def _clean_folder(name: str, record: Record) -> str | None:
    identity = record.folders[name]
    with _parent_of(Path(name), _folder_name(record.run_id, partial=True)) as parent:
        last = Path(name).name
        status = parent.status_of(last) if parent else None
        if parent is None or status is None:
            return None
        if not stat.S_ISDIR(status.st_mode):
            raise RefusedError(_REPLACED)
        with parent.open_folder(last) as folder:
            if identity is not None:
                if identity_of(folder.status) != identity:
                    raise RefusedError(_REPLACED)
                if folder.status.st_uid != os.geteuid():
                    raise RefusedError("it is complete and already belongs to its user: rename or remove it")
                folder.empty()
            parent.remove_folder(last)
    return f"removed unfinished run folder {name}"


def _give_result(name: str, record: Record) -> str | None:
    result = record.results[name]
    if result.modes[0] & ~0o755 or result.modes[1] & ~0o644:
        raise RefusedError(f"no run gives the modes {result.modes[0]:04o} and {result.modes[1]:04o}")
    with _parent_of(Path(name), _folder_name(record.run_id, partial=False)) as parent:
        if parent is None or parent.status_of(Path(name).name) is None:
            return None
        with parent.open_folder(Path(name).name) as folder:
            if identity_of(folder.status) != result.identity:
                raise RefusedError(_REPLACED)
            folder.give(result.owner, result.modes)
    return f"gave {name} to user {result.owner[0]}"


def _clean_file(name: str, record: Record) -> str | None:
    with _parent_of(Path(name), _OUTPUT_NAME) as parent:
        last = Path(name).name
        status = parent.status_of(last) if parent else None
        if parent is None or status is None:
            return None
        identity = record.files[name]
        is_ours = not status.st_size if identity is None else identity == identity_of(status)
        if not stat.S_ISREG(status.st_mode) or not is_ours:
            raise RefusedError(_REPLACED)
        parent.unlink(last)
    return f"removed unfinished file {name}"


def _clean_sysctl(name: str, record: Record) -> str:
    value = record.sysctls[name]
    if value not in _SYSCTL_RANGES.get(name, ()):
        raise RefusedError(f"no run sets it to {value}")
    Path(name).write_text(str(value))
    return f"restored {name} to {value}"


_CLEANERS: dict[Kind, Callable[[str, Record], str | None]] = {
    "device": _clean_device,
    "namespace": _clean_namespace,
    "folder": _clean_folder,
    "file": _clean_file,
    "result": _give_result,
    "sysctl": _clean_sysctl,
}


def undo(kind: Kind, name: str, record: Record) -> str | None:
    """What was done, in words; None if there was nothing to undo. RefusedError, OSError or ZcprobeError."""
    if not _RUN_ID.fullmatch(record.run_id):
        raise RefusedError("its run's name is not of our form")
    return _CLEANERS[kind](name, record)
