"""Tables of run format 1 as those of format 2: nothing is made up, what they did not tell is left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zcprobe.format.causes import MEMLOCK, OPTMEM
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES
from zcprobe.format.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CANDIDATES_NEED", "candidates_of_version_1", "config_of_version_1", "stalls_of_version_1"]

CANDIDATES_NEED = ("kind", "memlock_denied", "optmem_bytes", "optmem_high_bytes", "optmem_max_bytes")
"""Columns of `kernel_events` that tell what `candidates` does."""

_UNKNOWN = 2**32 - 1


def config_of_version_1(config: dict[str, Any]) -> dict[str, Any]:
    """`probes` said both whether there were any and how they were attached: `none`, `auto` or a mechanism."""
    if "probes" not in config:
        return config
    rest = {name: value for name, value in config.items() if name != "probes"}
    if config["probes"] == "none":
        return {"probe_level": "off", **rest}
    return {"mechanism": None if config["probes"] == "auto" else config["probes"], **rest}


def stalls_of_version_1(flushes: pd.DataFrame) -> pd.DataFrame:
    """There was no such table: a stall was a flush that ENOBUFS triggered, each with one ENOBUFS."""
    stalls = flushes[flushes["trigger"] == "enobufs"]
    once = np.ones(len(stalls), TABLES["stalls"].dtype["enobufs_count"])
    return stalls.assign(enobufs_count=once)[TABLES["stalls"].columns].reset_index(drop=True)


def candidates_of_version_1(events: Any) -> NDArray[np.uint8]:
    """`candidates` (uint8) from what was recorded instead: whether memlock refused, and the levels around the call.

    `events` is a pyarrow.Table with the columns CANDIDATES_NEED. Memlock did not tell its two paths apart, and of what
    was neither nothing is known: no candidate.
    """
    kinds = events["kind"].cast("string").to_numpy()
    levels = {name: events[name].to_numpy().astype(np.int64) for name in CANDIDATES_NEED[2:]}
    before = np.where(levels["optmem_high_bytes"] == _UNKNOWN, 0, levels["optmem_high_bytes"])
    highest = np.maximum(before, levels["optmem_bytes"])
    full = highest + SKB_TRUESIZE_ZERO_BYTES > levels["optmem_max_bytes"]
    denied = events["memlock_denied"].to_numpy()
    candidates = np.where(denied, MEMLOCK, np.where(full, OPTMEM, 0))
    return np.where(kinds == "enobufs", candidates, 0).astype(np.uint8)
