# SPDX-License-Identifier: GPL-2.0-only
"""A state has the sockets of an interval, with their levels of the intervals before."""

from collections import Counter
from typing import Any, ClassVar

from tests.unit.attach.test_history import CHARGE, history, look
from zcprobe.attach.history import SocketHistory
from zcprobe.attach.sampler import Sample
from zcprobe.format.attachment import AttachmentSummary, SocketSummary
from zcprobe.live.states import MOST_INTERVALS, States

LIMIT = 100 * CHARGE


class _Sampler:
    processes = ()
    other_counts: ClassVar = Counter(tcp=2, unix=3)


def seen(number: int = 0) -> SocketHistory:
    made = history(look(fd=7, optmem_max_bytes=LIMIT))
    made.number = number
    return made


def state_of(states: States, *histories: SocketHistory, **summary: Any) -> Any:
    samples = [
        Sample(history=one, time_ns=2 * 10**9, interval_ns=2 * 10**9, sends=46, bytes_sent=0) for one in histories
    ]
    sockets = [SocketSummary(number=one.number, protocol="tcp", **summary) for one in histories]
    made = AttachmentSummary(detail="sample", duration_ns=5, sockets=sockets, findings=[])
    return states.next(samples, _Sampler(), made)  # type: ignore[arg-type]


def with_level(one: SocketHistory, charges: int, depth: int) -> SocketHistory:
    one.begin_interval()
    one.add(look(fd=7, optmem_max_bytes=LIMIT, optmem_bytes=charges * CHARGE, errqueue_depth=depth), 1, CHARGE)
    return one


def test_a_row_has_the_levels_of_its_intervals_and_the_share_of_the_limit() -> None:
    states, one = States(), seen()
    state_of(states, with_level(one, 10, 3))
    state = state_of(states, with_level(one, 50, 7), enobufs=23)
    (row,) = state.rows
    assert (state.serial, state.other_count) == (2, 5)
    assert row.levels.depths == (3, 7)
    assert row.levels.optmem_bytes == (10 * CHARGE, 50 * CHARGE)
    assert (row.fullness, row.cells["USED"], row.limit_bytes, row.depth) == (0.5, "50%", LIMIT, 7)
    assert row.sends_per_s == 23
    assert row.summary.enobufs == 23


def test_the_levels_of_a_closed_socket_are_forgotten_and_those_of_an_open_one_end() -> None:
    states, one, other = States(), seen(0), seen(1)
    state_of(states, one, other)
    for _ in range(MOST_INTERVALS + 10):
        (row,) = state_of(states, one).rows
    assert len(row.levels.depths) == MOST_INTERVALS
    assert len(state_of(states, one, other).rows[1].levels.depths) == 1


def test_without_a_limit_there_is_no_share() -> None:
    one = history(look(fd=7, optmem_bytes=CHARGE))
    assert state_of(States(), one).rows[0].cells["USED"] == "-"
