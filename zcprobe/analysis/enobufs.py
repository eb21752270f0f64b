"""Each ENOBUFS of a run with its cause and with what held optmem at that moment."""

import pandas as pd

from zcprobe.analysis.channels import baseline_bytes, channel_numbers
from zcprobe.analysis.timebase import empty_frame, seconds
from zcprobe.dataset.load import Run
from zcprobe.probes.enobufs import enobufs_causes, split_charges

__all__ = ["ENOBUFS_DTYPES", "df_enobufs"]

ENOBUFS_DTYPES = {
    "time_s": "float64",
    "channel": "int64",
    "cause": "object",
    "in_flight_bytes": "Int64",
    "unread_bytes": "Int64",
    "optmem_bytes": "int64",
    "optmem_max_bytes": "int64",
    "errqueue_depth": "Int64",
}


def df_enobufs(run: Run) -> pd.DataFrame:
    """One row per sendmsg call that returned ENOBUFS, in time order.

    Columns: time_s (float64, since the first send began); channel (int64); cause (str, one of
    `zcprobe.probes.enobufs.CAUSES`, or `memlock` where format 1 did not tell which); in_flight_bytes, unread_bytes
    (Int64, charges by holder); optmem_bytes, optmem_max_bytes (int64, level and limit); errqueue_depth (Int64,
    notifications).

    Without probes the rows are the SO_MEMINFO samples taken right after the call: cause `unknown`, holders NA.
    """
    chunks = [chunk[chunk["kind"] == "enobufs"] for chunk in run.iterate("kernel_events")]
    if not chunks:
        return _from_meminfo(run)
    found = pd.concat(chunks).sort_values("time_ns", kind="stable")
    if found.empty:
        return empty_frame(ENOBUFS_DTYPES)
    records = found.drop(columns="kind").to_records(index=False)
    channels = channel_numbers(run, found["cookie"])
    baselines = channels.map({channel: baseline_bytes(run, channel) for channel in channels.unique()}).to_numpy()
    in_flight, unread = split_charges(records, 0, int(run.summary["charge_bytes"]))
    table = pd.DataFrame(
        {
            "time_s": seconds(run, found["time_ns"]).to_numpy(),
            "channel": channels.to_numpy(),
            "cause": enobufs_causes(records),
            "in_flight_bytes": (in_flight - baselines).clip(min=0),
            "unread_bytes": unread,
            "optmem_bytes": found["optmem_bytes"].to_numpy(),
            "optmem_max_bytes": found["optmem_max_bytes"].to_numpy(),
            "errqueue_depth": found["errqueue_depth"].to_numpy(),
        }
    )
    return table.astype(ENOBUFS_DTYPES)


def _from_meminfo(run: Run) -> pd.DataFrame:
    samples = run.meminfo[run.meminfo["reason"] == "enobufs"]
    if samples.empty:
        return empty_frame(ENOBUFS_DTYPES)
    table = pd.DataFrame(
        {
            "time_s": seconds(run, samples["time_ns"]).to_numpy(),
            "channel": samples["channel"].to_numpy(),
            "cause": "unknown",
            "in_flight_bytes": pd.NA,
            "unread_bytes": pd.NA,
            "optmem_bytes": samples["optmem_bytes"].to_numpy(),
            "optmem_max_bytes": int(run.summary["optmem_max_bytes"]),
            "errqueue_depth": pd.NA,
        }
    )
    return table.astype(ENOBUFS_DTYPES)
