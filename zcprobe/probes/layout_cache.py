"""The kernel's layout, worked out once per boot: offsets change with the kernel, addresses with each boot."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from zcprobe.directory import Directory

__all__ = ["cached_definitions"]

_FOLDER = Path("/run/zcprobe-layout")
_NOTES = Path("/sys/kernel/notes")  # with the kernel's build id
_BTF = Path("/sys/kernel/btf/vmlinux")
_OTHER_VERSIONS = 7
"""Of zcprobe, whose layouts stay beside ours: two that take turns must not work it out each time."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _key() -> str:
    """Of kernel build, boot and this code; FileNotFoundError and the like where the kernel does not tell."""
    digest = hashlib.sha256(_BOOT_ID.read_bytes() + _NOTES.read_bytes() + str(_BTF.stat().st_size).encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:24]


def _is_ours(path: Path) -> bool:
    """Only what this user alone can have written may tell a kernel program where to read."""
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
    """Best effort: without it the next start takes longer."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not _is_ours(path.parent):
            return
        known = sorted(path.parent.glob("layout-*.json"), key=lambda one: one.stat().st_mtime)
        for old in known[:-_OTHER_VERSIONS]:
            old.unlink(missing_ok=True)
        path.unlink(missing_ok=True)  # what stands there was not believed
        with Directory.open(path.parent) as folder:
            folder.write_at_once(path.name, msgspec.json.encode(definitions))
    except OSError:
        return


def cached_definitions(find: Callable[[], dict[str, int]]) -> dict[str, int]:
    """What `find` returned for this kernel, boot and version of zcprobe, asking it only the first time."""
    try:
        path = _FOLDER / f"layout-{_key()}.json"
    except OSError:
        return find()
    known = _read(path)
    if known is None:
        known = find()
        _write(path, known)
    return known
