import numpy as np
from numpy.typing import NDArray

from zcprobe.native.structs import dtype_of
from zcprobe.probes.enobufs import enobufs_causes, split_charges


def _event(**members: int) -> NDArray[np.void]:
    record = np.zeros(1, dtype_of("zc_kernel_event"))
    for name, value in {"optmem_max_bytes": 20480, "optmem_high_bytes": 2**32 - 1, **members}.items():
        record[name] = value
    return record


def test_a_refused_capability_is_memlock_whatever_optmem_says() -> None:
    assert enobufs_causes(_event(memlock_denied=1, optmem_bytes=19968)).tolist() == ["memlock"]


def test_a_level_within_one_truesize_of_the_limit_is_optmem() -> None:
    assert enobufs_causes(_event(optmem_bytes=19905)).tolist() == ["optmem"]
    assert enobufs_causes(_event(optmem_bytes=19904)).tolist() == ["other"]  # 19904 + 576 is the limit, and allowed


def test_completions_before_the_call_returned_do_not_hide_optmem() -> None:
    assert enobufs_causes(_event(optmem_bytes=832, optmem_high_bytes=19968)).tolist() == ["optmem"]


def test_a_level_that_never_came_near_the_limit_is_other() -> None:
    assert enobufs_causes(_event(optmem_bytes=832, optmem_high_bytes=1664)).tolist() == ["other"]


def test_the_split_adds_up_to_the_level() -> None:
    event = _event(optmem_bytes=100 + 24 * 832, errqueue_depth=20)
    in_flight, unread = split_charges(event, baseline_bytes=100, charge_bytes=832)
    assert (in_flight[0], unread[0]) == (4 * 832, 20 * 832)
