# SPDX-License-Identifier: GPL-2.0-only
"""A run's summary as one row of a table, and as one line of text."""

import pyarrow as pa

from zcprobe.dataset.arrival import datagrams_text
from zcprobe.dataset.facts import run_row
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.load import Attachment, Run
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.options import unusual_options
from zcprobe.dataset.results import lost_count
from zcprobe.export.tables import Rows
from zcprobe.format.summary import SenderSummary
from zcprobe.units import format_duration_ns, format_goodput_bps

__all__ = ["summary_line", "summary_rows"]


def summary_rows(runs: list[Run]) -> Rows:
    """One row per run: run (name of its folder), started_utc, complete, facts about the host, calibration, every option
    of the configuration as it was in effect (`zcprobe.dataset.options.OPTIONS`), the impairment, and each member of its
    summaries. A member that holds several numbers becomes one column for each, such as `enobufs_causes_optmem`.

    Every cause and every option has its column, even when no run has a value for it.
    """
    rows = [run_row(run) for run in runs]
    columns = dict.fromkeys(name for row in rows for name in row)
    table = pa.table({name: [row.get(name) for row in rows] for name in columns})
    return Rows(table.schema, iter(table.to_batches()))


def _watched(run: Attachment) -> list[str]:
    kernel = run.kernel
    using = [socket for socket in kernel.sockets if socket.uses_zerocopy]
    by_uring = kernel.uring.requests if kernel.uring else 0
    return [
        run.meta.selection,
        f"{len(using)} sockets with zerocopy of {len(kernel.sockets)}",
        f"{sum(socket.sends or 0 for socket in using):,} sends",
        *([f"{by_uring:,} requests of io_uring"] if by_uring else []),
        f"optmem {kernel.optmem_peak_bytes:,} of {kernel.optmem_max_bytes:,} B",
        f"errqueue depth {kernel.errqueue_depth_max or 0:,}",
        ", ".join(finding.id for finding in run.findings) or "no finding",
        format_duration_ns(kernel.duration_ns),
    ]


def _measured(run: Run) -> list[str]:
    kernel, sender = run.kernel, run.sender
    depth = kernel.errqueue_depth_max
    return [
        f"{run.name}: {sender.outcome}",
        _how(run),
        f"{sender.sends:,} sends",
        f"{sender.enobufs_count:,} ENOBUFS{_causes(run)}",
        f"{sender.stall_count:,} stalls, {format_duration_ns(sender.stall_ns_total)}",
        f"optmem {kernel.optmem_peak_bytes:,} of {kernel.optmem_max_bytes:,} B",
        f"errqueue depth {'?' if depth is None else f'{depth:,}'}",
        *_arrival(sender),
        _cpu(sender),
        format_duration_ns(sender.duration_ns),
    ]


def summary_line(run: Run) -> str:
    """One line without a line break, in the style of `perf stat`: what ran, how it ended, and the main numbers."""
    parts = _watched(run) if isinstance(run, Attachment) else _measured(run)
    lost = lost_count(run.meta)
    if lost or not run.meta.complete:
        parts.append(f"INCOMPLETE, {lost:,} lost")
    if run.damage:
        parts.append(DAMAGED)
    return "; ".join(parts)


def _arrival(sender: SenderSummary) -> list[str]:
    """The goodput, and for datagrams how many were sent, received and are missing."""
    datagrams = datagrams_text(sender)
    goodput = format_goodput_bps(sender.goodput_bps)
    if sender.goodput_bps is None:
        goodput = f"goodput {goodput}"
    return [goodput, f"datagrams {datagrams}"] if datagrams else [goodput]


def _how(run: Run) -> str:
    """The policy, the scenario, and every unusual option."""
    options = unusual_options(run.meta)
    told = (describe_option(name, value) for name, value in options.items() if name != "optmem_max_bytes")
    return ", ".join([f"{run.policy} in {run.scenario}", *told])


def _causes(run: Run) -> str:
    causes = run.kernel.enobufs_causes
    if not run.sender.enobufs_count:
        return ""
    if causes is None:
        return " (causes unknown)"
    words = [f"{count:,} {cause}" for cause, count in causes.items() if count]
    share = run.kernel.enobufs_unread_share
    if share is not None:
        words.append(f"{share:.0%} unread")
    return f" ({', '.join(words)})"


def _cpu(sender: SenderSummary) -> str:
    """The CPU time of the sending threads per 10^9 bytes."""
    if not sender.bytes_sent:
        return "CPU -"
    per_gb_s = (sender.cpu_user_ns + sender.cpu_system_ns) / sender.bytes_sent
    return f"CPU {per_gb_s:.3g} s/GB"
