"""Metadata files: indented JSON that people can read, with digests of itself and of the files beside it."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from zcprobe.seal import FileDigest, sealed

__all__ = ["digests_of", "now_utc", "write_json", "write_sealed"]


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_json(path: Path, content: object) -> None:
    """Writes indented JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def write_sealed(path: Path, content: object) -> None:
    """Writes indented JSON that ends in a digest of itself."""
    path.write_bytes(sealed(content))


def digests_of(*paths: Path) -> dict[str, FileDigest]:
    """Name -> digest of those files that exist. They were written just now, so the page cache still has them."""
    return {path.name: _digest_of(path) for path in paths if path.exists()}


def _digest_of(path: Path) -> FileDigest:
    with path.open("rb", buffering=0) as file:
        return FileDigest(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
