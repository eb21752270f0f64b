# SPDX-License-Identifier: GPL-2.0-only
"""Which flushes did not wait although their retry was refused, from rows of the tables."""

from pathlib import Path

import pandas as pd
import pytest

from zcprobe.analysis.diagnosis.hasty import flushes_of
from zcprobe.dataset.load import Run, load_run

_FOLDER = Path(__file__).parents[3] / "data" / "version_2" / "runs" / "in-order"


def _flush(start_ns: int, trigger: str = "enobufs", waits: int = 0, channel: int = 0) -> dict[str, object]:
    return {"channel": channel, "start_ns": start_ns, "duration_ns": 7, "wait_count": waits, "trigger": trigger}


def _send(start_ns: int, latency_ns: int, enobufs: int, channel: int = 0) -> dict[str, object]:
    return {"channel": channel, "start_ns": start_ns, "latency_ns": latency_ns, "enobufs_count": enobufs}


def _made(flushes: list[dict[str, object]], sends: list[dict[str, object]]) -> Run:
    """A run with these rows in its tables, which are as if they had been read."""
    run = load_run(_FOLDER)
    columns = list(_flush(0)), list(_send(0, 0, 0))
    run.__dict__["flushes"] = pd.DataFrame(flushes, columns=columns[0])
    run.__dict__["sends"] = pd.DataFrame(sends, columns=columns[1])
    return run


@pytest.mark.parametrize(
    ("flushes", "sends", "count"),
    [
        ([_flush(110)], [_send(100, 20, 2)], 1),
        ([_flush(110)], [_send(100, 20, 1)], 0),
        ([_flush(110, waits=1)], [_send(100, 20, 2)], 0),
        ([_flush(110, trigger="explicit")], [_send(100, 20, 2)], 0),
        ([_flush(130)], [_send(100, 20, 2)], 0),
        ([_flush(110, channel=1)], [_send(100, 20, 2)], 0),
        ([_flush(105), _flush(110), _flush(115)], [_send(100, 20, 3)], 2),
        ([_flush(110), _flush(210)], [_send(100, 20, 2), _send(200, 20, 2)], 2),
    ],
)
def test_a_flush_is_hasty_if_it_did_not_wait_and_its_write_met_enobufs_again(
    flushes: list[dict[str, object]], sends: list[dict[str, object]], count: int
) -> None:
    found = flushes_of(_made(flushes, sends))
    assert sum(own.empty_then_enobufs for own in found.values()) == count


def test_flushes_are_counted_but_for_those_after_the_outcome() -> None:
    found = flushes_of(_made([_flush(1), _flush(2, waits=3), _flush(3, trigger="settle")], [_send(1, 1, 0)]))
    assert (found[0].count, found[0].waited, found[0].ns_max) == (2, 1, 7)


def test_a_run_without_flushes_has_none() -> None:
    assert flushes_of(_made([], [_send(1, 1, 0)])) == {}
