# SPDX-License-Identifier: GPL-2.0-only
"""Compares what the sink reports with what was sent."""

from collections.abc import Sequence

from zcprobe.wire import ChannelReport, SinkReport

__all__ = ["arrived", "goodput_bps", "is_intact"]


def is_intact(report: ChannelReport, *, is_datagram: bool) -> bool | None:
    """None if nobody counted: there was no report, or the sink discards."""
    sink = report.sink
    if sink is None or not sink.verified:
        return None
    return sink.first_mismatch is None and (is_datagram or sink.bytes == report.result["bytes_sent"])


def arrived(report: ChannelReport, *, is_datagram: bool) -> dict[str, int | None]:
    """What the sink received of what was sent; None if it did not report. Every send call is a datagram."""
    sink, result = report.sink, report.result
    received = None if sink is None else sink.bytes
    sent = result["send_count"] + result["plain_count"] if is_datagram else None
    arrived = None if sink is None or not is_datagram else sink.frames
    return {
        "sink_bytes": received,
        "bytes_missing": _difference(result["bytes_sent"], received),
        "datagrams_sent": sent,
        "datagrams_received": arrived,
        "datagrams_missing": _difference(sent, arrived),
        "datagrams_repeated": None if sink is None else sink.duplicates,
    }


def _difference(sent: int | None, received: int | None) -> int | None:
    """Never below 0; reconciliation finds it if more arrived than was sent."""
    return None if sent is None or received is None else max(0, sent - received)


def goodput_bps(sinks: Sequence[SinkReport | None], duration_ns: int) -> float | None:
    """Bits that arrived, divided by the longer of the sender's and the sink's time, because a socket accepts far more
    than it delivers.

    None if a sink did not report. The clocks may belong to two hosts, so only their differences are used.
    """
    told = [sink for sink in sinks if sink is not None]
    if len(told) < len(sinks):
        return None
    busy = [sink for sink in told if sink.bytes]
    received_ns = max((sink.end_ns for sink in busy), default=0) - min((sink.start_ns for sink in busy), default=0)
    longest_ns = max(duration_ns, received_ns)
    return sum(sink.bytes for sink in busy) * 8e9 / longest_ns if longest_ns else 0.0
