# SPDX-License-Identifier: GPL-2.0-only
"""What `zcprobe run -i` prints of each interval: rows in iperf3's manner, below 80 columns."""

from zcprobe.benchmark.intervals import Interval, IntervalCounts
from zcprobe.errors import OutputError
from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps

__all__ = ["IntervalRows"]

_COLUMNS = "{:>5} {:<11} {:>8} {:>11} {:>7} {:>7} {:>7} {:>6} {:>7}"


class IntervalRows:
    """Prints an interval when it is called with it. With several channels each has a row, and all have one together.
    `zerocopy`: whether the run sends with MSG_ZEROCOPY at all; otherwise its plain sends are shown."""

    def __init__(self, *, zerocopy: bool) -> None:
        self._sends = "sends" if zerocopy else "plain_sends"
        self._has_header = False
        self._failure: OSError | OutputError | None = None

    def __call__(self, interval: Interval) -> None:
        """Once stdout has failed nothing more is printed; the run goes on."""
        if self._failure is not None:
            return
        try:
            print("\n".join(self._lines(interval)), flush=True)
        except (OSError, OutputError) as error:
            self._failure = error

    def finish(self) -> None:
        """Separates the rows from what follows. Raises what printing them raised, in the thread of the caller."""
        if self._failure is not None:
            raise self._failure
        if self._has_header:
            print()

    def _lines(self, interval: Interval) -> list[str]:
        lines = [] if self._has_header else [self._header()]
        self._has_header = True
        span = _span(interval)
        lines += [self._row(f"[{number:3}]", span, counts) for number, counts in enumerate(interval.channels)]
        return [*lines, self._row("[SUM]", span, interval.sum)] if len(interval.channels) > 1 else lines

    def _header(self) -> str:
        sends = self._sends.partition("_")[0].capitalize()
        return _COLUMNS.format("[ ID]", "Seconds", "Sent", "Bitrate", sends, "ENOBUFS", "Notifs", "Flight", "Stall")

    def _row(self, name: str, span: str, counts: IntervalCounts) -> str:
        return _COLUMNS.format(
            name,
            span,
            format_bytes(counts.bytes_sent),
            format_rate_bps(counts.sent_bps),
            getattr(counts, self._sends),
            counts.enobufs_count,
            counts.notifications,
            counts.in_flight,
            format_duration_ns(counts.stall_ns),
        )


def _span(interval: Interval) -> str:
    start_s, end_s = interval.start_ns / 1e9, interval.end_ns / 1e9
    decimals = 2 if end_s < 100 else 1
    return f"{start_s:.{decimals}f}-{end_s:.{decimals}f}"
