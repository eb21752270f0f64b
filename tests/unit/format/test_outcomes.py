# SPDX-License-Identifier: GPL-2.0-only
from typing import get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.format.outcomes import OUTCOMES, Outcome, worst_outcome
from zcprobe.native.structs import enum_names

OF_CORE = msgspec.convert([*enum_names("zc_outcome", "ZC_OUTCOME_").values()], list[Outcome])


def test_every_outcome_of_the_core_has_words_and_a_severity() -> None:
    assert set(OF_CORE) == set(OUTCOMES)
    assert list(OUTCOMES) == [*get_args(Outcome)]


@given(st.permutations(OF_CORE))
def test_every_outcome_has_a_severity_whatever_the_order(outcomes: list[Outcome]) -> None:
    assert worst_outcome(outcomes) == "dead_enobufs"
    without = [outcome for outcome in outcomes if not outcome.startswith("dead")]
    assert worst_outcome(without) == "interrupted"


def test_a_run_completes_only_when_every_channel_does() -> None:
    assert worst_outcome(["completed"] * 3) == "completed"
    for outcome in OF_CORE:
        assert worst_outcome(["completed", outcome, "completed"]) == outcome
