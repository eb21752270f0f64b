"""How long each send held its pages: until the kernel completed it, and until the sender read that it had."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zcprobe.analysis.channels import channel_numbers
from zcprobe.analysis.late_completions import widen
from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["COMPLETION_LATENCY_DTYPES", "df_completion_latency"]

COMPLETION_LATENCY_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "send_id": "int64",
    "latency_ns": "float64",
    "kernel_latency_ns": "float64",
}


def df_completion_latency(run: Run) -> pd.DataFrame:
    """One row per send, per channel in the order of ids.

    Columns: time_s (float64, start of the send, since the first send began); channel, send_id (int64); latency_ns
    (float64, from there until the notification that covers it was read; NaN when none was); kernel_latency_ns (float64,
    until the kernel gave up the pages, NaN where no event says so: without probes, and for some of the completions that
    came at the same instant as another). A send that met ENOBUFS began before its stall.
    """
    sends = run.read("sends", ["send_id", "start_ns", "channel"])
    sends = sends[sends["send_id"] >= 0]
    if sends.empty:
        return empty_frame(COMPLETION_LATENCY_DTYPES)
    read = run.read("notifications", ["time_ns", "lo", "hi", "channel"])
    events = _completions(run)
    tables = []
    for channel, own in sends.groupby("channel"):
        ids, start_ns = own["send_id"].to_numpy(), own["start_ns"].to_numpy()
        ends = {"latency_ns": read, "kernel_latency_ns": events}
        columns = {name: _until(ids, start_ns, table[table["channel"] == channel]) for name, table in ends.items()}
        tables.append(pd.DataFrame({"send_id": ids, "start_ns": start_ns, "channel": channel, **columns}))
    table = pd.concat(tables, ignore_index=True)
    table["time_s"] = seconds(run, table["start_ns"])
    return table[list(COMPLETION_LATENCY_DTYPES)].astype(COMPLETION_LATENCY_DTYPES)


def _completions(run: Run) -> pd.DataFrame:
    """time_ns, channel, lo, hi of each completion in the kernel, ids widened to 64 bits."""
    events = run.read("kernel_events", ["time_ns", "cookie", "kind", "lo", "hi"])
    events = events[events["kind"].isin(["appended", "merged"])].sort_values("time_ns", kind="stable")
    events = events.assign(channel=channel_numbers(run, events["cookie"]))
    own = [_widened(table) for _, table in events.groupby("channel")]
    return pd.concat(own) if own else events


def _widened(events: pd.DataFrame) -> pd.DataFrame:
    length = (events["hi"].to_numpy() - events["lo"].to_numpy()).astype(np.int64)
    lo = widen(events["lo"].to_numpy())
    return events.assign(lo=lo, hi=lo + length)


def _until(ids: NDArray[np.int64], start_ns: NDArray[np.int64], covering: pd.DataFrame) -> NDArray[np.float64]:
    """Nanoseconds from each start to the time of the range that covers its id; NaN for an id in no range."""
    if covering.empty:
        return np.full(len(ids), np.nan)
    ordered = covering.sort_values("lo", kind="stable")
    lo, hi, time_ns = (ordered[name].to_numpy() for name in ("lo", "hi", "time_ns"))
    at = np.searchsorted(lo, ids, side="right") - 1
    covered = (at >= 0) & (hi[at] >= ids)
    return np.where(covered, (time_ns[at] - start_ns).astype(np.float64), np.nan)
