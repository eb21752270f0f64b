# SPDX-License-Identifier: GPL-2.0-only
import numpy as np
import pytest
from numpy.typing import NDArray

from zcprobe.format.causes import (
    CAUSES,
    EVIDENCE,
    MEMLOCK,
    OPTMEM,
    cause_of,
    enobufs_causes,
    name_candidates,
    split_charges,
)
from zcprobe.format.tables import EVENT_TABLE
from zcprobe.native import lib
from zcprobe.native.structs import enum_names


def _event(**members: int) -> NDArray[np.void]:
    record = np.zeros(1, EVENT_TABLE.dtype)
    for name, value in members.items():
        record[name] = value
    return record


def test_the_names_are_those_of_the_enum() -> None:
    names = enum_names("zc_cause", "ZC_CAUSE_")
    assert dict(enumerate(CAUSES[: len(names)])) == names
    assert CAUSES[len(names) :] == ("ambiguous", "other")
    assert 1 << lib.ZC_CAUSE_OPTMEM == OPTMEM
    assert 1 << lib.ZC_CAUSE_MEMLOCK_NEW | 1 << lib.ZC_CAUSE_MEMLOCK_EXTENDED == MEMLOCK


def test_evidence_has_the_names_of_its_bits() -> None:
    names = enum_names("zc_evidence", "ZC_SAW_")
    assert {1 << bit: name for bit, name in enumerate(EVIDENCE)} == names


@pytest.mark.parametrize("bit", range(8))
def test_one_candidate_is_the_cause(bit: int) -> None:
    assert cause_of(1 << bit) == CAUSES[bit]
    assert enobufs_causes(_event(candidates=1 << bit)).tolist() == [CAUSES[bit]]


def test_several_candidates_are_ambiguous_and_named() -> None:
    several = 1 << lib.ZC_CAUSE_ALLOCATION | 1 << lib.ZC_CAUSE_FOREIGN_UARG
    assert cause_of(several) == "ambiguous"
    assert name_candidates(several) == "allocation|foreign_uarg"


def test_both_ways_of_memlock_are_still_memlock() -> None:
    assert cause_of(1 << lib.ZC_CAUSE_MEMLOCK_NEW | 1 << lib.ZC_CAUSE_MEMLOCK_EXTENDED) == "memlock"


def test_no_candidate_is_other() -> None:
    assert (cause_of(0), name_candidates(0)) == ("other", "")


def test_the_split_adds_up_to_the_level() -> None:
    event = _event(optmem_bytes=100 + 24 * 832, errqueue_depth=20)
    in_flight, unread = split_charges(event, baseline_bytes=100, charge_bytes=832)
    assert (in_flight[0], unread[0]) == (4 * 832, 20 * 832)
