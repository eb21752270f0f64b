# SPDX-License-Identifier: GPL-2.0-only
"""Measures the unimpaired path: the sender sends for a moment on separate connections."""

import time
from contextlib import ExitStack

import msgspec

from zcprobe.errors import PeerError
from zcprobe.policies import find_policy
from zcprobe.sender.answers import ANSWER_GRACE_S, ask_sinks
from zcprobe.sender.links import open_links
from zcprobe.sender.loops import run_loops
from zcprobe.wire import SenderCalibrated, SenderTask
from zcprobe.workloads import PAGE_BYTES

__all__ = ["calibrate"]

_SETTLE_S = 1.0


def _calibration_task(task: SenderTask, duration_s: float) -> SenderTask:
    """The configuration for calibration: the same sender with a policy that survives, without the run's pace and send
    buffer, because a slow path would need minutes to deliver what a large buffer accepts at once. A migration's rounds
    have their own length, so its packets are sent as a stream."""
    traffic = task.config.traffic
    if traffic.model == "migration":
        packet_bytes = traffic.pages_per_packet * PAGE_BYTES
        traffic = msgspec.structs.replace(traffic, model="stream", sizes=[(packet_bytes, 1)])
    config = msgspec.structs.replace(
        task.config,
        policy="wait-progress",
        parameters=find_policy("wait-progress").defaults,
        traffic=traffic,
        send_count=None,
        duration_s=duration_s,
        deadline_s=_SETTLE_S,
        settle_s=_SETTLE_S,
        socket=msgspec.structs.replace(task.config.socket, pacing_bps=None, sndbuf_bytes=None),
    )
    return msgspec.structs.replace(task, config=config)


def calibrate(task: SenderTask, duration_s: float, files: list[int], charge_bytes: int) -> SenderCalibrated:
    """Goodput of the unimpaired path. PeerError if the sink does not report what arrived."""
    asked = _calibration_task(task, duration_s)
    with ExitStack() as stack:
        links = open_links(asked, stack)
        results = [done.members for done in run_loops(asked, links, files, [], charge_bytes)]
        answers = ask_sinks([link.control for link in links], time.monotonic() + _SETTLE_S + ANSWER_GRACE_S)
        sinks = [sink for sink in answers if sink is not None]
    received = sum(sink.bytes for sink in sinks)
    if len(sinks) < len(links) or not received:
        raise PeerError(
            f"the sink did not say what arrived within {_SETTLE_S + ANSWER_GRACE_S:g} s of calibration",
            "the path is slow, the sink stopped, or the host overloaded; --scenario in-order is not calibrated",
        )
    sender_ns = max(result["end_ns"] for result in results) - min(result["start_ns"] for result in results)
    sink_ns = max(sink.end_ns for sink in sinks) - min(sink.start_ns for sink in sinks)
    duration_ns = max(sender_ns, sink_ns)
    goodput_bps = received * 8e9 / duration_ns
    if task.config.socket.pacing_bps is not None:
        # the path was measured without the impairment
        goodput_bps = min(goodput_bps, float(task.config.socket.pacing_bps * len(links)))
    return SenderCalibrated(
        goodput_bps=goodput_bps,
        duration_ns=duration_ns,
        sends=sum(result["send_count"] for result in results),
        charge_bytes=charge_bytes,
    )
