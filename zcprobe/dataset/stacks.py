# SPDX-License-Identifier: GPL-2.0-only
"""stacks.json: who dropped the last reference to the data of a completion."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from zcprobe.dataset.files import read_bounded
from zcprobe.errors import OutputError
from zcprobe.escapes import printable

__all__ = ["load_stacks"]

_STACKS = dict[
    Annotated[str, Meta(pattern="^-?[0-9]{1,10}$")],
    Annotated[list[Annotated[str, Meta(max_length=1024)]], Meta(max_length=1024)],
]


def load_stacks(path: Path) -> dict[int, list[str]]:
    """Stack id -> frames, innermost first. OutputError."""
    try:
        stacks = msgspec.json.decode(read_bounded(path), type=_STACKS)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise OutputError(f"{path} cannot be read: {error}", "the file is damaged; record the run again") from error
    return {int(key): [printable(frame) for frame in frames] for key, frames in stacks.items()}
