import numpy as np
import pandas as pd
import pytest

from zcprobe.dataset.version_1 import events_of_version_1
from zcprobe.native import lib
from zcprobe.recorder.tables import TABLES

OPTMEM = 1 << lib.ZC_CAUSE_OPTMEM
MEMLOCK = 1 << lib.ZC_CAUSE_MEMLOCK_NEW | 1 << lib.ZC_CAUSE_MEMLOCK_EXTENDED


def _candidates(**members: object) -> int:
    row = {"kind": "enobufs", "optmem_max_bytes": 20480, "optmem_high_bytes": 2**32 - 1, "memlock_denied": False}
    events = pd.DataFrame([{**row, **members}]).reindex(columns=[*TABLES["kernel_events"].columns, "memlock_denied"])
    return int(events_of_version_1(events)["candidates"].iloc[0])


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"memlock_denied": True, "optmem_bytes": 19968}, MEMLOCK),
        ({"optmem_bytes": 19905}, OPTMEM),
        ({"optmem_bytes": 19904}, 0),  # 19904 + 576 is the limit, and allowed
        ({"optmem_bytes": 832, "optmem_high_bytes": 19968}, OPTMEM),  # completions came before the call returned
        ({"optmem_bytes": 832, "optmem_high_bytes": 1664}, 0),
        ({"kind": "read", "optmem_bytes": 19968}, 0),
    ],
)
def test_candidates_from_what_was_recorded_then(members: dict[str, object], expected: int) -> None:
    assert _candidates(**members) == expected


def test_no_events_are_an_empty_table_of_todays_columns() -> None:
    empty = events_of_version_1(pd.DataFrame())
    assert list(empty.columns) == TABLES["kernel_events"].columns
    assert np.array_equal(empty.index, [])
