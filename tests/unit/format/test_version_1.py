# SPDX-License-Identifier: GPL-2.0-only
import numpy as np
import pytest

from zcprobe.dataset.load import Run
from zcprobe.format.version_1 import CANDIDATES
from zcprobe.format.version_2 import KIND_CODES
from zcprobe.native import lib

OPTMEM = 1 << lib.ZC_CAUSE_OPTMEM
MEMLOCK = 1 << lib.ZC_CAUSE_MEMLOCK_NEW | 1 << lib.ZC_CAUSE_MEMLOCK_EXTENDED
ROW = {
    "kind": "enobufs",
    "optmem_bytes": 0,
    "optmem_max_bytes": 20480,
    "optmem_high_bytes": 2**32 - 1,
    "memlock_denied": False,
}


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
    event = {**ROW, **members}
    event["kind"] = KIND_CODES[str(event["kind"])]
    assert set(event) == set(CANDIDATES.sources)
    assert CANDIDATES.convert({name: np.array([value]) for name, value in event.items()}).tolist() == [expected]


def test_shipped_runs_have_their_causes_whatever_their_format(run: Run) -> None:
    candidates = run.kernel_events.loc[run.kernel_events["kind"] == "enobufs", "candidates"]
    causes = run.kernel.enobufs_causes or {}
    assert (candidates == OPTMEM).sum() == causes.get("optmem", 0)
    assert ((candidates & MEMLOCK) > 0).sum() == sum(n for name, n in causes.items() if name.startswith("memlock"))


def test_a_stall_of_format_1_is_a_flush_that_enobufs_triggered(run: Run) -> None:
    assert len(run.stalls) == run.sender.stall_count
    assert run.stalls["duration_ns"].sum() == run.sender.stall_ns_total
