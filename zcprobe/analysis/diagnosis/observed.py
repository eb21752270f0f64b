# SPDX-License-Identifier: GPL-2.0-only
"""What a run folder shows of a sender, in the form that a diagnosis looks at."""

from collections import Counter
from typing import Any

import numpy as np

from zcprobe.analysis.channels import channel_count
from zcprobe.analysis.diagnosis.hasty import Flushes, flushes_of
from zcprobe.analysis.enobufs import iterate_enobufs
from zcprobe.analysis.late_completions import late_holders
from zcprobe.dataset.attachment import Attachment
from zcprobe.dataset.load import Run
from zcprobe.format.attachment import Observation, ProcessFacts, SocketSummary
from zcprobe.format.causes import MEMLOCK_CAUSES
from zcprobe.format.sockets import SocketCounts

__all__ = ["observed"]

_SENDER = "zcprobe's sender"
_PAGE_BYTES = {"x86_64": 4096}
"""Machine -> the size of its pages. A run does not hold it, and other machines have a choice."""

_UNLIMITED_PAGES = 2**32 - 1

_SEEN_BY_ATTACHMENTS = ("detail", "duration_ns", "sockets", "threads", "processes", "uring")


def observed(run: Run) -> Observation:
    """Of an attachment, what was seen then; of a benchmark, its channels as sockets. What only the probes see is None
    in a run without them. Tables are read in parts, so memory stays bounded."""
    if isinstance(run, Attachment):
        kernel = run.kernel
        return Observation(**{name: getattr(kernel, name) for name in _SEEN_BY_ATTACHMENTS})
    flushes, holders, refusals = flushes_of(run), late_holders(run), _refusals(run)
    has_probes, has_flushes = bool(run.meta.probes), run.has("flushes") and run.has("sends")
    sockets = []
    for channel in range(channel_count(run)):
        counts = _counts(run, channel)
        seen = {
            **_path(run),
            **_sent(run, channel),
            **(_refused(run, channel, counts) if counts else refusals.get(channel, {})),
            **{name: value for name, value in _levels(run, channel, counts).items() if value is not None},
            **(_flushed(flushes.get(channel, Flushes())) if has_flushes else {}),
        }
        late = holders.get(channel, {}) if has_probes else None
        sockets.append(SocketSummary(**seen, late_holders=late))
    return Observation(
        detail="causes" if has_probes else None,
        duration_ns=run.sender.duration_ns,
        local_by_design=run.meta.config.to is None and not run.meta.config.link,
        sockets=sockets,
        processes=[_process(run)],
    )


def _counts(run: Run, channel: int) -> SocketCounts | None:
    """The kernel's counts for the channel's socket; None without probes and in runs of version 1."""
    cookies = run.meta.cookies
    own = [counts for counts in run.meta.sockets or [] if cookies[channel : channel + 1] == [counts.cookie]]
    return own[0] if own else None


def _path(run: Run) -> dict[str, Any]:
    lab, config = run.meta.lab, run.meta.config
    kind = "loopback" if lab.sender_device == "lo" else "physical" if config.link else None if config.to else "veth"
    return {
        "protocol": config.protocol,
        "remote": f"{lab.sink_address}:{lab.sink_port}",
        "zerocopy_enabled": config.zerocopy,
        "device": lab.sender_device,
        "device_kind": kind,
        "scatter_gather": lab.scatter_gather,
    }


def _sent(run: Run, channel: int) -> dict[str, Any]:
    """What the sender counted itself. The kernel doubles the size that SO_SNDBUF asks for."""
    own, sndbuf = run.meta.channels[channel], run.meta.config.socket.sndbuf_bytes
    return {
        "sends": own.sends,
        "plain_sends": own.plain_sends,
        "bytes_sent": own.bytes_sent,
        "sndbuf_bytes": 2 * sndbuf if sndbuf else None,
        "send_bytes_median": run.send_bytes or None,
        "enobufs": own.enobufs_count,
        "notifications_read": own.notifications,
        "completions_read": own.completions,
        "readers": {_SENDER: own.notifications} if own.notifications else {},
    }


def _levels(run: Run, channel: int, counts: SocketCounts | None) -> dict[str, Any]:
    own, summary = run.meta.channels[channel], run.kernel
    alone = channel_count(run) == 1
    depth = counts.errqueue_depth_max if counts else summary.errqueue_depth_max if alone else None
    return {
        "copied_true": counts.completions_copied if counts else summary.true_copied_completions if alone else None,
        "errqueue_depth_max": depth,
        "optmem_baseline_bytes": own.optmem_baseline_bytes,
        "optmem_peak_bytes": max(own.optmem_peak_bytes, counts.optmem_peak_bytes if counts else 0),
        "optmem_max_bytes": summary.optmem_max_bytes,
        "charge_bytes": summary.charge_bytes,
        "unread_peak_bytes": None if depth is None else depth * summary.charge_bytes,
    }


def _refused(run: Run, channel: int, counts: SocketCounts) -> dict[str, Any]:
    """By the kernel's counts, which every detail of the probes has."""
    baseline_bytes = run.meta.channels[channel].optmem_baseline_bytes
    in_flight_bytes, unread_bytes = counts.enobufs_held_bytes(baseline_bytes)
    return {
        "enobufs_causes": counts.enobufs,
        "enobufs_in_flight_bytes": max(in_flight_bytes, 0),
        "enobufs_unread_bytes": unread_bytes,
    }


def _refusals(run: Run) -> dict[int, dict[str, Any]]:
    """Channel -> causes, holders and depth at refusals by the events, for runs of version 1, in which the kernel did
    not count per socket. Empty for others."""
    if run.meta.sockets or not run.meta.probes:
        return {}
    nothing = {"enobufs_causes": {}, "enobufs_in_flight_bytes": 0, "enobufs_unread_bytes": 0}
    found: dict[int, dict[str, Any]] = {channel: {**nothing} for channel in range(channel_count(run))}
    for part in iterate_enobufs(run):
        for channel in np.unique(part["channel"].to_numpy()):
            own, known = part[part["channel"] == channel], found.setdefault(int(channel), {**nothing})
            known["errqueue_depth_max"] = max(known.get("errqueue_depth_max", 0), int(own["errqueue_depth"].max()))
            known["enobufs_causes"] = dict(Counter(known["enobufs_causes"]) + Counter(own["cause"]))
            by_optmem = own[own["cause"] == "optmem"]
            for name in ("in_flight_bytes", "unread_bytes"):
                known[f"enobufs_{name}"] += int(by_optmem[name].sum())
    return found


def _flushed(flushes: Flushes) -> dict[str, Any]:
    return {
        "flushes": flushes.count,
        "flushes_waited": flushes.waited,
        "flushes_empty_then_enobufs": flushes.empty_then_enobufs,
        "flush_ns_max": flushes.ns_max,
    }


def _process(run: Run) -> ProcessFacts:
    """The sender. Its limit is what the probes read at the refusals, if memlock refused a call, or else the limit that
    the scenario set."""
    limit, locked, page = run.meta.scenario.memlock_bytes, None, _PAGE_BYTES.get(run.meta.host.machine)
    if page and any(cause in MEMLOCK_CAUSES for cause in run.kernel.enobufs_causes or ()):
        for part in run.iterate("kernel_events", ["kind", "memlock_limit_pages", "memlock_locked_pages"]):
            refused = part[(part["kind"] == "enobufs") & (part["memlock_limit_pages"] > 0)]
            if len(refused):
                most = int(refused["memlock_limit_pages"].to_numpy().max())
                limit = -1 if most == _UNLIMITED_PAGES else most * page
                locked = max(locked or 0, int(np.max(refused["memlock_locked_pages"].to_numpy())) * page)
    return ProcessFacts(pid=None, comm=_SENDER, memlock_limit_bytes=limit, locked_bytes_of_user=locked)
