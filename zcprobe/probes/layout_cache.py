# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's layout, computed once per boot: offsets change with the kernel, addresses with each boot."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from zcprobe.directory import Directory

__all__ = ["cached_definitions"]

_FOLDER = Path("/run/zcprobe-layout")
_NOTES = Path("/sys/kernel/notes")  # this file contains the kernel's build id
_BTF = Path("/sys/kernel/btf/vmlinux")
_OTHER_VERSIONS = 7
"""Most other versions of zcprobe whose layouts are kept, so that two versions that take turns need not compute theirs
each time."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _key() -> str:
    """A key for kernel build, boot and this code; OSError if the kernel does not reveal them."""
    digest = hashlib.sha256(_BOOT_ID.read_bytes() + _NOTES.read_bytes() + str(_BTF.stat().st_size).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def _is_ours(path: Path) -> bool:
    """The file, if only this user can have written it, because it determines where a kernel program reads."""
    status = path.stat()
    return status.st_uid == os.geteuid() and not status.st_mode & 0o022


def _read(path: Path) -> dict[str, int] | None:
    try:
        if _is_ours(path) and _is_ours(path.parent):
            return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.DecodeError):
        return None
    return None


def _write(path: Path, definitions: dict[str, int]) -> None:
    """Stores the layout if possible; without it the next start takes longer."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(path.parent):
            return
        known = sorted(path.parent.glob("layout-*.json"), key=lambda one: one.stat().st_mtime)
        for old in known[:-_OTHER_VERSIONS]:
            old.unlink(missing_ok=True)
        path.unlink(missing_ok=True)  # the existing file was not trusted
        with Directory.open(path.parent) as folder:
            folder.write_at_once(path.name, msgspec.json.encode(definitions))
    except OSError:
        return


def cached_definitions(find: Callable[[], dict[str, int]]) -> dict[str, int]:
    """The result of `find` for this kernel, boot and version of zcprobe, which is called only the first time."""
    try:
        path = _FOLDER / f"layout-{_key()}.json"
    except OSError:
        return find()
    known = _read(path)
    if known is None:
        known = find()
        _write(path, known)
    return known
