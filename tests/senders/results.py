# SPDX-License-Identifier: GPL-2.0-only
"""What the tests measured last, below build/senders/: the table of docs/qemu.md is made of it."""

from pathlib import Path
from typing import TypeVar

import msgspec

__all__ = ["FOLDER", "load", "save"]

FOLDER = Path(__file__).parents[2] / "build" / "senders"

Content = TypeVar("Content")


def save(name: str, content: msgspec.Struct) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(content)))


def load(name: str, kind: type[Content]) -> Content:
    """What was saved by that name; FileNotFoundError if nothing was."""
    return msgspec.json.decode((FOLDER / f"{name}.json").read_bytes(), type=kind)
