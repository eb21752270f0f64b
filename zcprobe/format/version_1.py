# SPDX-License-Identifier: GPL-2.0-only
"""Converts what run format 1 held in another form. What format 1 did not hold stays unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zcprobe.format.causes import MEMLOCK, OPTMEM
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES
from zcprobe.format.tables import TABLES
from zcprobe.format.version_2 import KIND_CODES, Conversion

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CANDIDATES", "config_of_version_1", "stalls_of_version_1"]

_UNKNOWN = 2**32 - 1


def config_of_version_1(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with `probe_level` and `mechanism` in place of `probes`, which was `none`, `auto` or a
    mechanism."""
    if "probes" not in config:
        return config
    rest = {name: value for name, value in config.items() if name != "probes"}
    if config["probes"] == "none":
        return {"probe_level": "off", **rest}
    return {"mechanism": None if config["probes"] == "auto" else config["probes"], **rest}


def stalls_of_version_1(flushes: pd.DataFrame) -> pd.DataFrame:
    """The table `stalls`, which format 1 did not have: each flush that ENOBUFS triggered is a stall with one
    ENOBUFS."""
    stalls = flushes[flushes["trigger"] == "enobufs"]
    once = np.ones(len(stalls), TABLES["stalls"].dtype["enobufs_count"])
    return stalls.assign(enobufs_count=once)[TABLES["stalls"].columns].reset_index(drop=True)


def _candidates(events: Mapping[str, NDArray[np.generic]]) -> NDArray[np.uint8]:
    """`memlock_denied` did not say which of the two paths was refused, so both are candidates. A call that neither
    memlock nor optmem explains has no candidate."""
    levels = {name: events[name].astype(np.int64) for name in _LEVELS}
    before = np.where(levels["optmem_high_bytes"] == _UNKNOWN, 0, levels["optmem_high_bytes"])
    highest = np.maximum(before, levels["optmem_bytes"])
    full = highest + SKB_TRUESIZE_ZERO_BYTES > levels["optmem_max_bytes"]
    candidates = np.where(events["memlock_denied"], MEMLOCK, np.where(full, OPTMEM, 0))
    return np.where(events["kind"] == KIND_CODES["enobufs"], candidates, 0).astype(np.uint8)


_LEVELS = ("optmem_bytes", "optmem_high_bytes", "optmem_max_bytes")

CANDIDATES = Conversion(("kind", "memlock_denied", *_LEVELS), _candidates)
"""`kernel_events.candidates` (uint8), computed from what format 1 recorded: whether memlock refused the call, and the
levels around the call."""
