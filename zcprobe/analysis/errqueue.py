"""The error queue of each channel and the optmem it holds, over a run's time."""

import pandas as pd

from zcprobe.analysis.channels import baseline_bytes, channel_numbers
from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run

__all__ = ["ERRQUEUE_DTYPES", "df_errqueue"]

ERRQUEUE_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "errqueue_depth": "Int64",
    "optmem_bytes": "int64",
    "unread_bytes": "Int64",
    "in_flight_bytes": "Int64",
    "kind": "object",
}

_LEVEL_DTYPES = {
    "time_ns": "int64",
    "channel": "int64",
    "errqueue_depth": "Int64",
    "optmem_bytes": "int64",
    "kind": "object",
}

_STILL_CHARGED = ("merged", "read", "purged", "discarded", "refused")
"""Their probes run in consume_skb() or kfree_skb(): off the queue, but sock_ofree() has not uncharged them yet."""

_LEVEL_KINDS = (*_STILL_CHARGED, "appended", "enobufs")
"""Events at which both counters are those of a living socket: not `closed`, nor kinds that are not known here."""

_EVENT_COLUMNS = ["time_ns", "cookie", "kind", "errqueue_depth", "optmem_bytes", "charge_bytes"]


def df_errqueue(run: Run) -> pd.DataFrame:
    """One row per kernel event and per SO_MEMINFO sample, in time order; each row is about its own channel's socket.

    Columns: time_s (float64, since the first send began); channel (int64); errqueue_depth (Int64, notifications);
    optmem_bytes (int64, level after the event: the charge of a notification that is just being freed is taken off);
    unread_bytes and in_flight_bytes (Int64, their sum is the level above the baseline, but never negative: the kernel
    changes depth and level one after the other); kind (str, kind of the kernel event, or `meminfo`).

    A send charges without an event of its own, so a rise shows at the next event or sample. A sample has the level
    only; between events the queue does not change, so its depth is that of the event before. Without probes there are
    only samples, and depth and holders are NA.
    """
    events = _from_events(run)
    levels = pd.concat([events, _from_meminfo(run)], ignore_index=True)
    if levels.empty:
        return empty_frame(ERRQUEUE_DTYPES)
    levels = levels.sort_values("time_ns", kind="stable", ignore_index=True)
    if len(events):
        levels["errqueue_depth"] = levels.groupby("channel")["errqueue_depth"].ffill().fillna(0)
    unread = levels["errqueue_depth"] * int(run.summary["charge_bytes"])
    baselines = {channel: baseline_bytes(run, channel) for channel in levels["channel"].unique()}
    levels["time_s"] = seconds(run, levels["time_ns"])
    levels["unread_bytes"] = unread
    levels["in_flight_bytes"] = (levels["optmem_bytes"] - levels["channel"].map(baselines) - unread).clip(lower=0)
    return levels[list(ERRQUEUE_DTYPES)].astype(ERRQUEUE_DTYPES)


def _from_events(run: Run) -> pd.DataFrame:
    events = run.read("kernel_events", _EVENT_COLUMNS)
    events = events[events["kind"].isin(_LEVEL_KINDS)]
    kind = events["kind"].astype("object")
    freed = events["charge_bytes"].astype("int64").where(kind.isin(_STILL_CHARGED), 0)
    table = {
        "time_ns": events["time_ns"],
        "channel": channel_numbers(run, events["cookie"]),
        "errqueue_depth": events["errqueue_depth"].astype("Int64"),
        "optmem_bytes": events["optmem_bytes"].astype("int64") - freed,
        "kind": kind,
    }
    return pd.DataFrame(table).astype(_LEVEL_DTYPES)


def _from_meminfo(run: Run) -> pd.DataFrame:
    table = run.read("meminfo", ["time_ns", "channel", "optmem_bytes"]).reindex(columns=list(_LEVEL_DTYPES))
    table["kind"] = "meminfo"
    return table.astype(_LEVEL_DTYPES)
