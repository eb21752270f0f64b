# SPDX-License-Identifier: GPL-2.0-only
"""Metadata files: readable for people, with digests of themselves and of the files beside them."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from zcprobe.seal import FileDigest, sealed

__all__ = ["digests_of", "now_utc", "write_json", "write_sealed"]


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, content: object) -> None:
    """The JSON of an object, indented for people."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def write_sealed(path: Path, content: object) -> None:
    """The same JSON with a digest of itself at the end."""
    path.write_bytes(sealed(content))


def digests_of(*paths: Path) -> dict[str, FileDigest]:
    """Name -> digest of the files that exist. They were just written, so reading them does not touch the disk."""
    return {path.name: _digest_of(path) for path in paths if path.exists()}


def _digest_of(path: Path) -> FileDigest:
    with path.open("rb", buffering=0) as file:
        return FileDigest(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
