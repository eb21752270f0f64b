# SPDX-License-Identifier: GPL-2.0-only
"""The sender's process: connects its channels, waits for the go-ahead, runs the C loops, reports.

It is a separate process so that neither LLVM's memory nor the recorder's work disturbs the loops, and so that it can
enter the run's network namespace and give up capabilities for good. Task, readiness and report are lines of JSON.
"""

import os
import signal
import time
from contextlib import ExitStack

import msgspec

from zcprobe.config import RunConfig
from zcprobe.endpoint import hang_up
from zcprobe.format.outcomes import Outcome
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.native import lib
from zcprobe.native.process import (
    CAP_IPC_LOCK,
    CAP_NET_ADMIN,
    enter_netns,
    keep_capabilities,
    limit_locked_memory,
)
from zcprobe.native.structs import enum_names
from zcprobe.parent import become_unprivileged, hear, live, say
from zcprobe.sender.answers import ANSWER_GRACE_S, ask_sinks
from zcprobe.sender.buffers import open_buffer_files
from zcprobe.sender.calibration import calibrate
from zcprobe.sender.connection import Link, tcp_members
from zcprobe.sender.links import open_links
from zcprobe.sender.loops import run_loops
from zcprobe.sender.sockets import read_cookie
from zcprobe.sender.spools import Taken, open_recorder, take_files_of
from zcprobe.tokens import prepare_proofs
from zcprobe.wire import ChannelReport, SenderReady, SenderReport, SenderTask

__all__ = ["main"]


def _lasting_capabilities(task: SenderTask) -> tuple[int, ...]:
    """The sender keeps CAP_IPC_LOCK, with which mm_account_pinned_pages() counts no page, except in a scenario with a
    limit."""
    return () if task.memlock_bytes is not None else (CAP_IPC_LOCK,)


def _give_up_root(task: SenderTask) -> None:
    """Gives up capabilities, except those that the scenario needs, and the one for SO_SNDBUFFORCE until channels are
    connected."""
    if task.memlock_bytes is not None:
        limit_locked_memory(task.memlock_bytes)
    forcing = () if task.config.socket.sndbuf_bytes is None else (CAP_NET_ADMIN,)
    become_unprivileged(*_lasting_capabilities(task), *forcing)


def _answer_deadline_s(task: SenderTask, began_s: float, results: list[dict[str, int]]) -> float:
    """The time (time.monotonic()) until which to wait for the sink. A slow sink has all of the run's time. After a
    request to end, the wait is only as long as that for late completions, and there is no wait for a path on which
    nothing moves."""
    left_s = task.config.settle_s + ANSWER_GRACE_S
    if any(result["outcome"] == lib.ZC_OUTCOME_DEAD_TIMEOUT and result["idle"] for result in results):
        return time.monotonic() + ANSWER_GRACE_S
    if any(result["outcome"] == lib.ZC_OUTCOME_INTERRUPTED for result in results):
        return time.monotonic() + left_s
    return began_s + task.config.limit_s + left_s


def _report(task: SenderTask, links: list[Link], files: list[int], taken: Taken, charge_bytes: int) -> SenderReport:
    recorders = [open_recorder(opened, task.record_limit_bytes) for opened in taken.spools]
    began_s = time.monotonic()
    done = run_loops(task, links, files, recorders, charge_bytes, taken.counters)
    results = [one.members for one in done]
    tcp = [tcp_members(link, result) for link, result in zip(links, results, strict=True)]
    lost = [recorder.close() for recorder in recorders] or [0] * len(links)
    recorded = [(recorder.records, recorder.kept) for recorder in recorders] or [([], [])] * len(links)
    answers = ask_sinks([link.control for link in links], _answer_deadline_s(task, began_s, results))
    for link, answer in zip(links, answers, strict=True):
        if answer is None:
            hang_up(link.control)
    outcomes = msgspec.convert(enum_names("zc_outcome", "ZC_OUTCOME_"), dict[int, Outcome])
    return SenderReport(
        [
            ChannelReport(
                outcomes[one.members["outcome"]],
                one.members,
                lost_records,
                answer,
                members.get("retransmit_count"),
                members.get("acked_bytes"),
                *counts,
                latencies=one.latencies,
            )
            for one, lost_records, answer, members, counts in zip(done, lost, answers, tcp, recorded, strict=True)
        ]
    )


def _serve(task: SenderTask) -> SenderReport | None:
    """Waits for the go-ahead; None if the parent hung up before it."""
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    taken = take_files_of(task)
    with ExitStack() as stack:
        files = open_buffer_files(task.config, stack)
        charge_bytes = try_zerocopy_send().charge_bytes
        if task.token is not None:
            prepare_proofs()
        _give_up_root(task)
        if task.calibration_s is not None:
            say(calibrate(task, task.calibration_s, files, charge_bytes))
            line = hear()
            if not line:
                return None
            task = msgspec.structs.replace(task, config=msgspec.json.decode(line, type=RunConfig))
        links = open_links(task, stack)
        keep_capabilities(*_lasting_capabilities(task))
        say(SenderReady(os.getpid(), [read_cookie(link.data) for link in links], charge_bytes))
        if not hear():
            return None
        return _report(task, links, files, taken, charge_bytes)


def main() -> None:
    """Child process of a run: task on stdin, `SenderReady` out, an empty line in, `SenderReport` out."""
    # until the loops have installed their handlers, a request to stop is blocked
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    live(SenderTask, _serve)
