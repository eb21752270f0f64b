# SPDX-License-Identifier: GPL-2.0-only
"""run.json and comparison.json from untrusted bytes to a dict: first held against their digest, then parsed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.dataset.files import read_bounded
from zcprobe.dataset.integrity import changed
from zcprobe.dataset.schema import check_version, required_keys
from zcprobe.dataset.shape import require_bounded
from zcprobe.errors import OutputError
from zcprobe.escapes import printable_members
from zcprobe.format.metadata import must_have_digests
from zcprobe.seal import Seal, is_sealed

__all__ = ["damage_is_an_error", "read_metadata"]

_DAMAGED = "the file is damaged: copy it again from where it was recorded, or run again"
_LONGEST_REASON = 200
_BROKEN = "is not as it was written: the digest at its end is of other bytes"
_MISSING = "is not as it was written: it has no digest at its end"


@contextmanager
def damage_is_an_error(path: Path) -> Iterator[None]:
    """Turns the exceptions for a member that is missing, of another type or out of bounds into OutputError."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        told = f"{type(error).__name__} {error}"[:_LONGEST_REASON]
        raise OutputError(f"the metadata in {path} is not what a run has: {told}", _DAMAGED) from error


def read_metadata(path: Path, what: str, *, allow_damaged: bool = False) -> tuple[dict[str, Any], list[str]]:
    """The content with every text printable, and what is wrong with its digest, if anything is.

    `what` is run or comparison. OutputError for a file that cannot be read, or does not hold its metadata of a known
    version; and, before it is parsed, for a file that is not as it was written, unless `allow_damaged`.
    FileNotFoundError."""
    raw = read_bounded(path)
    seal = is_sealed(raw)
    if seal == "broken" and not allow_damaged:
        raise changed(f"{path} {_BROKEN}")
    content = _parsed(path, what, raw)
    check_version(path.parent, content.get("format_version"))
    finding = _finding(seal, content)
    if finding and not allow_damaged:
        raise changed(f"{path} {finding}")
    missing = [key for key in required_keys(what, content) if key not in content]
    if missing:
        raise OutputError(f"{path} has no {', '.join(missing)}", _DAMAGED)
    return content, [f"{path.name} {finding}"] if finding else []


def _parsed(path: Path, what: str, raw: bytes) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(raw)
        require_bounded(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise OutputError(f"{path} cannot be read: {str(error)[:_LONGEST_REASON]}", _DAMAGED) from error
    if not isinstance(content, dict):
        raise OutputError(f"{path} does not hold the metadata of a {what}", _DAMAGED)
    shown: dict[str, Any] = content if _is_printable(raw) else printable_members(content)
    return shown


def _is_printable(raw: bytes) -> bool:
    """Whether every text in valid JSON is known to be printable, which is far quicker than to look at each: it holds no
    unprintable character but the ends of its lines, and without a backslash it cannot write one out."""
    return b"\\" not in raw and raw.decode().replace("\n", "").isprintable()


def _finding(seal: Seal, content: dict[str, Any]) -> str | None:
    """What is wrong with the file's own digest, or None. Only an older file that names no digests of other files may
    lack its own."""
    required = must_have_digests(content["format_version"], content.get("format_minor", 0))
    if seal == "missing" and not required and content.get("files") is None:
        return None
    return {"whole": None, "broken": _BROKEN, "missing": _MISSING}[seal]
