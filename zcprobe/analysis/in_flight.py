# SPDX-License-Identifier: GPL-2.0-only
"""Sends in flight as the sender sees them: the kernel has accepted them, and no notification read yet covers them."""

from collections.abc import Iterator

import msgspec
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.timebase import empty_frame, origin_ns
from zcprobe.dataset.load import Run

__all__ = ["IN_FLIGHT_DTYPES", "df_in_flight"]

IN_FLIGHT_DTYPES = {"time_s": "float64", "channel": "int64", "low_count": "int64", "high_count": "int64"}

_SPAN_ROWS = 1 << 19


def df_in_flight(run: Run, buckets: int = 2000) -> pd.DataFrame:
    """Lowest and highest number of sends in flight in each of `buckets` equal spans of a run's time, per channel.

    Columns: time_s (float64, beginning of the span, since the first send began); channel (int64); low_count and
    high_count (int64, sends; counted before and after every send and every notification in the span). A span without
    sends and notifications has no row. A run of any length gives at most `buckets` rows per channel. Sends whose
    notification is still unread count as in flight here; `df_optmem` distinguishes the two.
    """
    begin_ns, end_ns = _ends(run)
    width_ns = max(-(-(end_ns - begin_ns + 1) // buckets), 1)
    bounds: dict[int, _Bounds] = {}
    for channel, moments, after, before in _iterate_counts(run):
        own = bounds.setdefault(channel, _Bounds(np.full(buckets, np.iinfo(np.int64).max), np.full(buckets, -1)))
        index = (moments - begin_ns) // width_ns
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        at = index[starts]
        own.low[at] = np.minimum(own.low[at], np.minimum.reduceat(np.minimum(before, after), starts))
        own.high[at] = np.maximum(own.high[at], np.maximum.reduceat(np.maximum(before, after), starts))
    tables = [_table(channel, own, begin_ns - origin_ns(run), width_ns) for channel, own in sorted(bounds.items())]
    return pd.concat(tables, ignore_index=True).astype(IN_FLIGHT_DTYPES) if tables else empty_frame(IN_FLIGHT_DTYPES)


class _Bounds(msgspec.Struct, frozen=True):
    """Lowest and highest count of each bucket. The highest is -1 in a bucket without counts."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]


def _table(channel: int, bounds: _Bounds, begin_ns: int, width_ns: int) -> pd.DataFrame:
    seen = np.flatnonzero(bounds.high >= 0)
    table = {
        "time_s": (begin_ns + seen * width_ns) / 1e9,
        "channel": channel,
        "low_count": bounds.low[seen],
        "high_count": bounds.high[seen],
    }
    return pd.DataFrame(table)


def _ends(run: Run) -> tuple[int, int]:
    """The times in ns at which the first and the last send was accepted or notification was read."""
    begin_ns, end_ns = 2**63 - 1, 0
    for sends in run.iterate("sends", ["start_ns", "latency_ns"]):
        accepted_ns = (sends["start_ns"] + sends["latency_ns"]).to_numpy()
        begin_ns, end_ns = min(begin_ns, int(accepted_ns.min())), max(end_ns, int(accepted_ns.max()))
    for read in run.iterate("notifications", ["time_ns"]):
        begin_ns, end_ns = min(begin_ns, int(read["time_ns"].min())), max(end_ns, int(read["time_ns"].max()))
    return begin_ns, end_ns


def _iterate_counts(
    run: Run,
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Yields parts of (channel, ascending moments in ns, the channel's count after each moment, and before it). The
    parts of one channel follow each other in time."""
    counts: dict[int, int] = {}
    late = pd.DataFrame({"moment": [], "step": [], "channel": []}, dtype="int64")
    for where in run.spans(("sends", "notifications"), _SPAN_ROWS):
        steps = pd.concat([late, _accepted(run, where), _read(run, where)], ignore_index=True)
        is_late = steps["moment"] >= (2**63 - 1 if where.stop is None else where.stop)
        late, steps = steps[is_late], steps[~is_late]
        channels = steps["channel"].to_numpy()
        for channel in np.unique(channels):
            own = steps[channels == channel].sort_values("moment", kind="stable")
            step = own["step"].to_numpy()
            after = counts.get(int(channel), 0) + np.cumsum(step)
            counts[int(channel)] = int(after[-1])
            yield int(channel), own["moment"].to_numpy(), after, after - step


def _accepted(run: Run, where: slice) -> pd.DataFrame:
    """A step of 1 for each send. A send counts from the return of its last call, which may lie after the span."""
    sends = run.read("sends", ["start_ns", "latency_ns", "channel", "send_id"], where)
    sends = sends[sends["send_id"] >= 0]
    return pd.DataFrame({"moment": sends["start_ns"] + sends["latency_ns"], "step": 1, "channel": sends["channel"]})


def _read(run: Run, where: slice) -> pd.DataFrame:
    read = run.read("notifications", ["time_ns", "lo", "hi", "channel"], where)
    return pd.DataFrame({"moment": read["time_ns"], "step": read["lo"] - read["hi"] - 1, "channel": read["channel"]})
