# SPDX-License-Identifier: GPL-2.0-only
"""A run in lines of text."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from zcprobe.benchmark.run import CompletedRun
from zcprobe.cli.tell import describe_run
from zcprobe.config import RunConfig
from zcprobe.format.metadata import RunMetadata
from zcprobe.format.summary import KernelSummary, SenderSummary


def told(**members: Any) -> dict[str, str]:
    """Name of a line -> its text, of a run with these members of its summaries."""
    numbers: dict[str, Any] = dict.fromkeys((*KernelSummary.__struct_fields__, *SenderSummary.__struct_fields__), 0)
    unknown = dict.fromkeys(
        ("error", "enobufs_causes", "enobufs_unread_share", "datagrams_sent", "datagrams_received", "datagrams_missing")
    )
    results = {**numbers, **unknown, "outcome": "completed", "sink_intact": True, **members}
    kernel = KernelSummary(**{name: results.pop(name) for name in KernelSummary.__struct_fields__})
    sender = SenderSummary(**results)
    fields: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(RunMetadata)}
    known: dict[str, Any] = {"config": RunConfig(send_bytes=65536), "kernel": kernel, "sender": sender, "warnings": []}
    metadata = RunMetadata(**(fields | known))
    lines = describe_run(CompletedRun(Path("results/run"), metadata)).splitlines()[1:]
    assert max(map(len, lines)) < 80
    return {line[2:17].strip(): line[17:] for line in lines}


def test_copies_plain_sends_and_retransmits_are_named() -> None:
    lines = told(
        sends=20000,
        completions=19990,
        copied_completions=19023,
        notifications=1009,
        in_flight_at_end=10,
        plain_sends=211,
        copied_on_purpose=23,
        retransmit_count=7,
        rtt_min_ns=21_000,
        rtt_mean_ns=83_000,
        rtt_max_ns=1_200_000,
        cwnd_max_bytes=3 << 20,
        delivery_rate_max_bps=21_000_000_000,
    )
    assert lines["sends"] == "20000 of 64 KiB, 10 in flight at the end"
    assert lines["completions"] == "19990 in 1009 notifications, 19023 COPIED"
    assert lines["plain sends"] == "211, of these 23 copied by the policy"
    assert lines["retransmits"] == "7 segments"
    assert lines["round trip"] == "83 µs on average, 21 µs to 1.2 ms"
    assert lines["TCP window"] == "at most 3 MiB, delivery rate at most 21 Gbit/s"
    assert "datagrams" not in lines


def test_datagrams_have_no_retransmits_but_losses() -> None:
    lines = told(
        retransmit_count=None,
        rtt_min_ns=None,
        rtt_mean_ns=None,
        rtt_max_ns=None,
        cwnd_max_bytes=None,
        delivery_rate_max_bps=None,
        datagrams_sent=1009,
        datagrams_received=505,
        datagrams_missing=504,
        bytes_missing=504 * 1400,
        sink_bytes=505 * 1400,
        goodput_bps=550e6,
    )
    assert lines.keys().isdisjoint({"retransmits", "round trip", "TCP window"})
    assert lines["datagrams"] == "1,009 sent, 505 received, 504 missing (689 KiB)"
    assert lines["sink"] == "intact, 504 of 1,009 datagrams missing, 690 KiB"
    assert lines["goodput"] == "550 Mbit/s"


def test_requests_are_told_with_their_quantiles() -> None:
    lines = told(responses=1009, request_p50_ns=210_000, request_p99_ns=4_000_000, request_max_ns=31_000_000)
    assert lines["requests"] == "1009 answered; p50 210 µs, p99 4 ms, longest 31 ms"
    assert "requests" not in told(request_p50_ns=None, request_p99_ns=None, request_max_ns=None)


@pytest.mark.parametrize("acked", [None, 1 << 20])
def test_without_the_sink_s_word_no_goodput_is_told(acked: int | None) -> None:
    lines = told(goodput_bps=None, sink_bytes=None, sink_intact=None, bytes_acked=acked, bytes_sent=1 << 30)
    assert lines["goodput"] == "not known: the sink did not report"
    assert lines["sink"] == ("no report; its kernel acknowledged 1 MiB of 1 GiB" if acked else "no report")


def test_a_level_that_nobody_looked_at_is_not_zero() -> None:
    limits = {"optmem_max_bytes": 131072, "charge_bytes": 832}
    assert told(**limits)["optmem"] == "not measured; the limit is 131072 B, 832 B each"
    assert told(**limits, optmem_peak_bytes=20800)["optmem"] == "at most 20800 of 131072 B, 832 B each"
