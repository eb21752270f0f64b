# SPDX-License-Identifier: GPL-2.0-only
"""Kernel events of older versions, and the columns that are worked out from them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from zcprobe.dataset.load import Run
from zcprobe.format.tables import EVENT_TABLE
from zcprobe.format.version_2 import KIND_CODES, OLD_EVENT_COLUMNS

EVENTS: dict[str, Any] = {
    "kind": np.array([KIND_CODES[word] for word in ("read", "enobufs", "sent", "closed", "sent")], np.uint8),
    "lo": np.array([3, 18, 0, 0, 0], np.uint32),
    "hi": np.array([5, 64, 4096, 0, 2**32 - 105], np.uint32),
    "optmem_high_bytes": np.array([0, 19968, 0, 20800, 0], np.uint32),
}


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("lo", [3, 0, 0, 0, 0]),
        ("hi", [5, 0, 0, 0, 0]),
        ("memlock_locked_pages", [0, 18, 0, 0, 0]),
        ("memlock_limit_pages", [0, 64, 0, 0, 0]),
        ("optmem_before_bytes", [0, 19968, 0, 0, 0]),
        ("optmem_peak_bytes", [0, 0, 0, 20800, 0]),
        ("send_result", [0, 0, 4096, 0, -105]),
    ],
)
def test_what_meant_two_things_is_told_apart_by_the_kind(column: str, expected: list[int]) -> None:
    conversion = OLD_EVENT_COLUMNS[column]
    values = conversion.convert({name: EVENTS[name] for name in conversion.sources})
    assert values.tolist() == expected
    assert values.dtype == EVENT_TABLE.dtype[column]


def test_every_column_is_one_of_this_version() -> None:
    assert set(OLD_EVENT_COLUMNS) <= set(EVENT_TABLE.columns)


def test_shipped_runs_tell_what_their_files_held(run: Run) -> None:
    """Of whatever version: each value that the file held is in one column and no other."""
    if run.format_version > 2 or not run.is_recorded("kernel_events"):
        return
    held, read = pd.read_parquet(run.folder / "kernel_events.parquet"), run.kernel_events
    kinds = held["kind"].astype(str)
    memlock = read["memlock_locked_pages"], read["memlock_limit_pages"]
    for column, one in zip(("lo", "hi"), memlock, strict=True):
        total = read[column].astype("int64") + one + (read["send_result"] if column == "hi" else 0)
        assert (total == held[column]).all()
        assert not read.loc[kinds == "enobufs", column].any()
        assert not one[kinds != "enobufs"].any()
    levels = read["optmem_before_bytes"].astype("int64") + read["optmem_peak_bytes"]
    assert (levels == held["optmem_high_bytes"]).all()
    if run.meta.config.protocol == "tcp":  # datagrams have a stream beside them, which charges nothing
        assert read.loc[kinds == "closed", "optmem_peak_bytes"].all()
    assert not read.loc[kinds != "closed", "optmem_peak_bytes"].any()
    assert read.loc[kinds == "enobufs", "optmem_before_bytes"].all()
    assert (kinds == "closed").any()
