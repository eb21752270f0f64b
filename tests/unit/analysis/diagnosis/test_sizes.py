# SPDX-License-Identifier: GPL-2.0-only
"""Sends for which a copy is cheaper."""

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.analysis.diagnosis import judge


def test_sends_are_small_below_ten_kibibytes() -> None:
    assert ids(seen(socket(send_bytes_median=10239))) == ["small-sends"]
    assert ids(seen(socket(send_bytes_median=10240))) == ["nothing-wrong"]


def test_few_small_sends_cost_nothing() -> None:
    assert ids(seen(socket(send_bytes_median=4096, sends=99))) == ["nothing-wrong"]
    assert ids(seen(socket(send_bytes_median=4096, sends=100))) == ["small-sends"]


def test_without_a_median_all_bytes_over_zerocopy_sends_bound_their_mean() -> None:
    finding = found(seen(socket(send_bytes_median=None, bytes_sent=4096 * 1009)), "small-sends")
    assert finding.evidence["bytes_per_send"] == 4096
    assert "on average" in finding.what
    assert ids(seen(socket(send_bytes_median=None, bytes_sent=1009 << 16))) == ["nothing-wrong"]


def test_where_sizes_were_not_seen_that_is_said() -> None:
    assert judge(seen(socket(send_bytes_median=None, bytes_sent=None))).not_seen == ["the size of sends"]
