# SPDX-License-Identifier: GPL-2.0-only
"""What the sendmsg calls of a run returned, counted by the sender and by the kernel."""

import errno
from collections import Counter

import pandas as pd

from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run

__all__ = ["RETRIED", "SENDMSG_RESULTS_DTYPES", "df_sendmsg_results", "kernel_agrees"]

SENDMSG_RESULTS_DTYPES = {
    "result": "object",
    "sender_count": "int64",
    "fatal_count": "int64",
    "kernel_count": "Int64",
}

RETRIED = "EAGAIN, EINTR"
"""Calls that the sender simply repeats, without recording their errno."""


def df_sendmsg_results(run: Run) -> pd.DataFrame:
    """One row per result. `ok` and `ENOBUFS` are always there.

    Columns: result (str: `ok`, an errno's name, or `RETRIED`); sender_count (int64, sendmsg calls as the sender counts
    them; when it recorded no sends they come from the summary, which knows only `ok`, `ENOBUFS` and EAGAIN);
    fatal_count (int64, calls that ended the run); kernel_count (Int64, send calls of the socket as BPF saw them return;
    NA without such counts).
    """
    sender, fatal = _sender_counts(run)
    kernel = _kernel_counts(run)
    if not sender and not kernel:
        return empty_frame(SENDMSG_RESULTS_DTYPES)
    names = dict.fromkeys(["ok", "ENOBUFS", *sender, *kernel])
    rows = [
        {
            "result": name,
            "sender_count": sender.get(name, 0),
            "fatal_count": fatal.get(name, 0),
            "kernel_count": kernel.get(name, 0) if run.meta.send_results else pd.NA,
        }
        for name in names
    ]
    return pd.DataFrame(rows, columns=list(SENDMSG_RESULTS_DTYPES)).astype(SENDMSG_RESULTS_DTYPES)


def kernel_agrees(run: Run) -> bool | None:
    """Whether sender and kernel counted the same for each result that the sender counts; None without probes."""
    table = df_sendmsg_results(run)
    if table["kernel_count"].isna().any():
        return None
    if not run.meta.rows.get("sends"):
        table = table[table["result"].isin(["ok", "ENOBUFS"])]
    return bool((table["kernel_count"] == table["sender_count"]).all())


def _name(error: int) -> str:
    if error in (errno.EAGAIN, errno.EINTR):
        return RETRIED
    return errno.errorcode.get(error, f"errno {error}") if error else "ok"


def _kernel_counts(run: Run) -> dict[str, int]:
    counts: dict[str, int] = {}
    for error, count in run.meta.send_results.items():
        counts[_name(int(error))] = counts.get(_name(int(error)), 0) + int(count)
    return counts


def _sender_counts(run: Run) -> tuple[Counter[str], Counter[str]]:
    """(calls, fatal calls) per result; from the summary when no sends were recorded.

    When a policy gives up on a write, after ENOBUFS or before any call, the write ends with an errno that no call
    returned. A call that the run's deadline interrupts returns EINTR, though the write ends with ETIMEDOUT.
    """
    counts: Counter[str] = Counter()
    fatal: Counter[str] = Counter()
    attempts = 0
    for sends in run.iterate("sends", ["error", "enobufs_count", "attempt_count"]):
        failed = sends[sends["error"] != 0]
        by_call = (failed["attempt_count"] > failed["enobufs_count"]) | (failed["error"] == errno.ENOBUFS)
        fatal.update(failed.loc[by_call & (failed["error"] != errno.ETIMEDOUT), "error"].map(_name))
        counts["ok"] += len(sends) - len(failed)
        counts["ENOBUFS"] += int(sends["enobufs_count"].sum())
        attempts += int(sends["attempt_count"].sum())
    if not attempts:
        return _summary_counts(run)
    counts.update({name: count for name, count in fatal.items() if name != "ENOBUFS"})
    if (repeated := attempts - counts.total()) > 0:
        counts[RETRIED] += repeated
    return counts, fatal


def _summary_counts(run: Run) -> tuple[Counter[str], Counter[str]]:
    sender = run.sender
    plain = sender.plain_sends
    ok = int(sender.sends) + int(sender.copied_on_purpose if plain is None else plain)
    dead = sum(channel.outcome == "dead_enobufs" for channel in run.meta.channels)
    counts = Counter({"ok": ok, "ENOBUFS": int(sender.enobufs_count)})
    counts.update({RETRIED: eagain} if (eagain := int(sender.eagain_count or 0)) else {})
    return counts, Counter({"ENOBUFS": dead})
