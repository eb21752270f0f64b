# SPDX-License-Identifier: GPL-2.0-only
"""Checks that the files of a run folder are those that were recorded, before any of them is parsed."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from zcprobe.dataset.files import open_regular
from zcprobe.errors import OutputError
from zcprobe.format.tables import TABLES
from zcprobe.seal import FileDigest

__all__ = ["DAMAGED", "NO_DIGESTS", "VERIFIED", "FileChecks", "known_files"]

VERIFIED = "verified"
NO_DIGESTS = "no digests: recorded before there were any"
DAMAGED = "NOT as recorded"
"""The three things that can be said of a run's folder: every file has its digest; there are no digests; or a file
differs from its digest."""

_Stamp = tuple[int, ...]
_CHANGED = (
    "copy the folder again from where it was recorded, or record the run again; one that was changed on purpose loads"
    " with allow_damaged=True, or --allow-damaged"
)
_BLOCK_BYTES = 1 << 20


def known_files() -> list[str]:
    """The names that files of a run can have, except run.json."""
    return [*(f"{table}.parquet" for table in TABLES), "stacks.json"]


class FileChecks:
    """Each file of a folder against the digest that run.json has of it, once, and again when it has changed.

    `digests` None: the run was recorded before there were any, and every file is taken as it is.
    """

    def __init__(self, folder: Path, digests: Mapping[str, FileDigest] | None) -> None:
        self._folder = folder
        self._digests = digests
        self._checked: dict[str, _Stamp] = {}

    def findings(self) -> list[str]:
        """For each file that is not as recorded, its name and what is wrong with it. Empty when all are as recorded."""
        names = dict.fromkeys([*known_files(), *(self._digests or {})])
        return [] if self._digests is None else [told for name in names if (told := self._finding(name))]

    def require(self, name: str) -> None:
        """OutputError unless the file is as recorded."""
        finding = None if self._digests is None else self._finding(name)
        if finding:
            raise changed(f"{self._folder}/{finding}")

    def _finding(self, name: str) -> str | None:
        path, told = self._folder / name, (self._digests or {}).get(name)
        if told is None:
            return f"{name} is not among the files that run.json names" if os.path.lexists(path) else None
        try:
            with open_regular(path) as file:
                stamp = _stamp(os.fstat(file.fileno()))
                if self._checked.get(name) == stamp:
                    return None
                size = os.fstat(file.fileno()).st_size
                if size != told.bytes:
                    return f"{name} has {size:,} bytes, recorded were {told.bytes:,}"
                if _sha256(file) != told.sha256:
                    return f"{name} is not as recorded: its content has another digest than run.json names"
        except (FileNotFoundError, NotADirectoryError):
            return f"{name} is missing, though run.json names it"
        except OSError as error:
            return f"{name} cannot be read: {error.strerror or error}"
        self._checked[name] = stamp
        return None


def changed(finding: str) -> OutputError:
    """The error for a file that is not as recorded."""
    return OutputError(finding, _CHANGED)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sha256(file: object) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
