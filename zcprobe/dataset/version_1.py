"""Tables of run format 1 as those of format 2: nothing is made up, what they did not tell is left open."""

import numpy as np
import pandas as pd

from zcprobe.native import lib
from zcprobe.probes.enobufs import MEMLOCK, SKB_TRUESIZE_ZERO_BYTES
from zcprobe.recorder.tables import TABLES

__all__ = ["events_of_version_1", "stalls_of_version_1"]

_UNKNOWN = 2**32 - 1


def stalls_of_version_1(flushes: pd.DataFrame) -> pd.DataFrame:
    """There was no such table: a stall was a flush that ENOBUFS triggered, each with one ENOBUFS."""
    stalls = flushes[flushes["trigger"] == "enobufs"]
    return stalls.assign(enobufs_count=1)[TABLES["stalls"].columns]


def events_of_version_1(events: pd.DataFrame) -> pd.DataFrame:
    """`candidates` from what was recorded instead: whether memlock refused, and the levels around the call.

    Memlock did not tell its two paths apart, and of what was neither nothing is known: no candidate.
    """
    if events.empty:
        return events.reindex(columns=TABLES["kernel_events"].columns)
    before = events["optmem_high_bytes"].astype("int64")
    highest = np.maximum(before.where(before != _UNKNOWN, 0), events["optmem_bytes"])
    full = highest + SKB_TRUESIZE_ZERO_BYTES > events["optmem_max_bytes"]
    candidates = np.where(events["memlock_denied"], MEMLOCK, np.where(full, 1 << lib.ZC_CAUSE_OPTMEM, 0))
    known = np.where(events["kind"] == "enobufs", candidates, 0).astype(np.uint8)
    table = events.assign(candidates=known, evidence=np.uint8(0))
    return table[TABLES["kernel_events"].columns]
