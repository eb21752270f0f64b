# SPDX-License-Identifier: GPL-2.0-only
import msgspec
import pytest

from zcprobe.benchmark.summary import summarize
from zcprobe.format.outcomes import Outcome
from zcprobe.format.summary import SenderSummary
from zcprobe.native import ffi, lib
from zcprobe.native.structs import struct_to_dict
from zcprobe.wire import ChannelReport, SenderReport, SinkReport


def _channel(outcome: Outcome = "completed", sink: SinkReport | None = None, **members: int) -> ChannelReport:
    result = struct_to_dict(ffi.new("struct zc_result *"))
    assert set(members) <= set(result)
    return ChannelReport(outcome, result | members, 0, sink)


def _summary(*channels: ChannelReport, is_datagram: bool = False) -> SenderSummary:
    return summarize(SenderReport(list(channels)), is_datagram=is_datagram)


def test_the_error_is_that_of_the_worst_channel_and_names_the_check() -> None:
    summary = _summary(
        _channel("completed"),
        _channel("interrupted", error=4),
        _channel("dead_error", error=71, error_check=lib.ZC_CHECK_ORIGIN),
    )
    assert summary.outcome == "dead_error"
    assert summary.error == "the error queue held an entry that is not a zerocopy notification: Protocol error"
    assert _summary(_channel("dead_enobufs", error=105)).error == "No buffer space available"
    assert _summary(_channel()).error is None


def test_counts_add_up_and_the_longest_stall_is_that_of_any_channel() -> None:
    summary = _summary(
        _channel(
            sink=SinkReport(bytes=30),
            start_ns=10,
            end_ns=50,
            send_count=3,
            bytes_sent=30,
            stall_max_ns=7,
        ),
        _channel(
            sink=SinkReport(bytes=60),
            start_ns=5,
            end_ns=45,
            send_count=4,
            bytes_sent=60,
            stall_max_ns=2,
        ),
    )
    assert (summary.sends, summary.bytes_sent, summary.stall_ns_max) == (7, 90, 7)
    assert summary.duration_ns == 45
    assert summary.goodput_bps == pytest.approx(90 * 8e9 / 45)
    assert summary.in_flight_at_end == 7


def test_missed_counts_are_kept_by_variant() -> None:
    one = _channel(flush_count=4, missed_all_copied_count=1, missed_sticky_count=4, missed_any_copied_count=2)
    summary = _summary(one, one)
    assert summary.flush_count == 8
    assert summary.missed_by_variant == {"all-copied": 2, "sticky": 8, "any-copied": 4}


def test_a_migration_converges_when_every_channel_did() -> None:
    summary = _summary(
        _channel(round_count=3, converged=1, downtime_ns=5), _channel(round_count=4, converged=0, downtime_ns=9)
    )
    assert (summary.rounds, summary.converged, summary.downtime_ns) == (4, False, 9)
    assert (_summary(_channel()).converged, _summary(_channel()).downtime_ns) == (None, None)


@pytest.mark.parametrize(
    ("sinks", "intact"),
    [
        ([SinkReport(bytes=5), SinkReport(bytes=5)], True),
        ([SinkReport(bytes=5), SinkReport(bytes=5, first_mismatch=0)], False),
        ([SinkReport(bytes=5), SinkReport(bytes=4)], False),
        ([SinkReport(bytes=5), SinkReport(bytes=5, verified=False)], None),
        ([SinkReport(bytes=5, first_mismatch=2), SinkReport(bytes=5, verified=False)], False),
        ([SinkReport(bytes=5), None], None),
    ],
)
def test_a_run_is_intact_when_every_stream_is_and_unknown_when_nobody_looked(
    sinks: list[SinkReport | None], intact: bool | None
) -> None:
    summary = _summary(*(_channel(sink=sink, bytes_sent=5) for sink in sinks))
    assert summary.sink_intact is intact
    assert (summary.sink_bytes is None) == (None in sinks)


def test_lost_datagrams_do_not_spoil_the_others_and_are_counted_as_missing() -> None:
    lost = _channel(
        sink=SinkReport(bytes=3, frames=3, duplicates=2), bytes_sent=5, send_count=4, plain_count=1, end_ns=8
    )
    summary = _summary(lost, is_datagram=True)
    assert summary.sink_intact is True
    assert (summary.bytes_sent, summary.sink_bytes, summary.bytes_missing) == (5, 3, 2)
    assert (summary.datagrams_sent, summary.datagrams_received, summary.datagrams_missing) == (5, 3, 2)
    assert summary.datagrams_repeated == 2
    assert summary.goodput_bps == pytest.approx(3 * 8e9 / 8)


def test_a_stream_has_no_datagrams_and_misses_bytes() -> None:
    summary = _summary(_channel(sink=SinkReport(bytes=3, frames=1), bytes_sent=5, end_ns=8))
    assert summary.sink_intact is False
    assert summary.bytes_missing == 2
    assert summary.datagrams_sent is summary.datagrams_received is summary.datagrams_missing is None
    assert summary.datagrams_repeated is None


def test_goodput_is_over_the_time_at_the_sink_where_that_is_longer() -> None:
    late = _channel(sink=SinkReport(bytes=5, start_ns=100, end_ns=140), bytes_sent=5, end_ns=8)
    assert _summary(late).goodput_bps == pytest.approx(5 * 8e9 / 40)


def test_without_the_word_of_every_sink_there_is_no_goodput() -> None:
    told, silent = _channel(sink=SinkReport(bytes=5), bytes_sent=5, end_ns=8), _channel(bytes_sent=5, end_ns=8)
    for summary in (_summary(silent), _summary(told, silent), _summary(silent, is_datagram=True)):
        assert summary.goodput_bps is summary.sink_bytes is summary.bytes_missing is None
        assert summary.datagrams_received is summary.datagrams_missing is None


def test_requests_are_those_of_all_channels() -> None:
    quick = msgspec.structs.replace(_channel(request_max_ns=9), latencies={9: 98})
    slow = msgspec.structs.replace(_channel(request_max_ns=31), latencies={31: 2})
    summary = _summary(quick, slow)
    assert (summary.request_p50_ns, summary.request_p99_ns, summary.request_max_ns) == (9, 31, 31)
    assert _summary(quick).request_p99_ns == 9


def test_other_traffic_has_no_requests() -> None:
    summary = _summary(_channel(), _channel())
    assert summary.request_p50_ns is summary.request_p99_ns is summary.request_max_ns is None


def test_round_trips_are_those_of_all_samples_of_all_channels() -> None:
    one = _channel(rtt_sample_count=3, rtt_sum_ns=300, rtt_min_ns=40, rtt_max_ns=150, cwnd_max_bytes=7)
    other = _channel(rtt_sample_count=1, rtt_sum_ns=900, rtt_min_ns=60, rtt_max_ns=900, delivery_rate_max_bps=8)
    summary = _summary(one, other)
    assert (summary.rtt_min_ns, summary.rtt_mean_ns, summary.rtt_max_ns) == (40, 300, 900)
    assert (summary.cwnd_max_bytes, summary.delivery_rate_max_bps) == (7, 8)


def test_without_samples_of_every_channel_nothing_is_known_of_round_trips() -> None:
    sampled = _channel(rtt_sample_count=1, rtt_sum_ns=5, rtt_min_ns=5, rtt_max_ns=5)
    for summary in (_summary(_channel()), _summary(sampled, _channel())):
        assert summary.rtt_min_ns is summary.rtt_mean_ns is summary.rtt_max_ns is None
        assert summary.cwnd_max_bytes is summary.delivery_rate_max_bps is None


def test_what_tcp_knows_is_summed_where_every_channel_has_tcp() -> None:
    one = msgspec.structs.replace(_channel(bytes_sent=5), retransmit_count=3, acked_bytes=4)
    summary = _summary(one, one)
    assert (summary.retransmit_count, summary.bytes_acked) == (6, 8)
    assert _summary(one, _channel()).retransmit_count is _summary(_channel()).bytes_acked is None
