# SPDX-License-Identifier: GPL-2.0-only
"""The digest that a metadata file carries of itself, so that it can be checked before it is parsed.

A sealed file is a JSON object whose last member is `sha256`, alone on the last line but one: the SHA-256, in
hexadecimal, of every byte of the file before the digest's own first digit.
"""

import hashlib
import re
from typing import Literal

import msgspec

__all__ = ["FileDigest", "Seal", "is_sealed", "seal_of", "sealed"]

_OPENING = b',\n  "sha256": "'
_CLOSING = b'"\n}\n'
_DIGEST = re.compile(re.escape(_OPENING) + rb"([0-9a-f]{64})" + re.escape(_CLOSING) + rb"\Z")
_LENGTH = len(_OPENING) + 64 + len(_CLOSING)

Seal = Literal["whole", "broken", "missing"]


class FileDigest(msgspec.Struct, frozen=True):
    """A file beside the metadata: its length in bytes, and the SHA-256 of its content in hexadecimal."""

    bytes: int
    sha256: str


def sealed(content: object) -> bytes:
    """The JSON of an object with at least one member, indented for human readers, with its digest."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2)
    covered = text.removesuffix(b"\n}") + _OPENING
    return covered + hashlib.sha256(covered).hexdigest().encode() + _CLOSING


def seal_of(raw: bytes) -> str | None:
    """The digest at the end of the file, right or wrong; None if there is none."""
    found = _DIGEST.search(raw, max(len(raw) - _LENGTH, 0))
    return found[1].decode() if found else None


def is_sealed(raw: bytes) -> Seal:
    """Whether the file ends in a digest, and whether that digest is right."""
    told = seal_of(raw)
    if told is None:
        return "missing"
    covered = memoryview(raw)[: len(raw) - 64 - len(_CLOSING)]
    return "whole" if hashlib.sha256(covered).hexdigest() == told else "broken"
