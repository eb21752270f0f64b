# SPDX-License-Identifier: GPL-2.0-only
"""Converts what run format 2 held in another form.

`run.json` had one `summary`, of which format 3 made two: what the kernel said, and what our own sender counted.

In `kernel_events` a column that meant two things became two columns.
`lo` and `hi` held the account of memlock in an event of the kind `enobufs`, and `hi` the result of the call in one of
the kind `sent`. `optmem_high_bytes` was the level before an `enobufs`, and the highest level of a `closed` socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from zcprobe.format.summary import KernelSummary
from zcprobe.format.tables import EVENT_TABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KIND_CODES", "OLD_EVENT_COLUMNS", "Conversion", "split_summary"]

KIND_CODES = {word: code for code, word in EVENT_TABLE.enums["kind"].items()}


def split_summary(meta: dict[str, Any]) -> dict[str, Any]:
    """The metadata with `kernel` and `sender` in place of `summary`. A member that is unknown here stays with the
    sender's."""
    rest = {name: value for name, value in meta.items() if name != "summary"}
    of_kernel = KernelSummary.__struct_fields__
    kernel = {name: value for name, value in meta["summary"].items() if name in of_kernel}
    sender = {name: value for name, value in meta["summary"].items() if name not in of_kernel}
    return {**rest, "kernel": kernel, "sender": sender}


class Conversion(msgspec.Struct, frozen=True):
    """How a column is computed. `sources` are the columns of the older version that `convert` needs.

    `convert` gets each source as a numpy array with a row per event, and returns the new column. A kind is given as its
    code (uint8), which is 0 for an unknown kind.
    """

    sources: tuple[str, ...]
    convert: Callable[[Mapping[str, NDArray[np.generic]]], NDArray[np.generic]]


def _where_kind(is_wanted: bool, kinds: tuple[str, ...], source: str) -> Conversion:
    """The values of `source` in events of `kinds` (if `is_wanted`) or of all other kinds (if not), and 0 elsewhere."""
    codes = [KIND_CODES[kind] for kind in kinds]

    def convert(events: Mapping[str, NDArray[np.generic]]) -> NDArray[np.generic]:
        values = events[source]
        chosen: NDArray[np.generic] = np.where(
            np.isin(events["kind"], codes, invert=not is_wanted), values, values.dtype.type(0)
        )
        return chosen

    return Conversion(("kind", source), convert)


def _signed(conversion: Conversion) -> Conversion:
    """Like `conversion`, with the same 32 bits read as a signed number."""
    return Conversion(conversion.sources, lambda events: conversion.convert(events).astype(np.uint32).view(np.int32))


OLD_EVENT_COLUMNS: dict[str, Conversion] = {
    "lo": _where_kind(False, ("enobufs",), "lo"),
    "hi": _where_kind(False, ("enobufs", "sent"), "hi"),
    "memlock_locked_pages": _where_kind(True, ("enobufs",), "lo"),
    "memlock_limit_pages": _where_kind(True, ("enobufs",), "hi"),
    "optmem_before_bytes": _where_kind(True, ("enobufs",), "optmem_high_bytes"),
    "optmem_peak_bytes": _where_kind(True, ("closed",), "optmem_high_bytes"),
    "send_result": _signed(_where_kind(True, ("sent",), "hi")),
}
"""Columns of `kernel_events` in version 3, from those of version 2."""
