"""The sender's process: connects its channels, waits for the word, runs the C loops, reports.

It is a process of its own so that neither LLVM's memory nor the recorder's work disturbs the loops, and so that it can
enter the run's network namespace and give up capabilities for good. Task, readiness and report are lines of JSON.
"""

import os
import signal
import socket
import sys
import time
from contextlib import ExitStack
from functools import partial

import msgspec

from zcprobe.answers import ask_sinks
from zcprobe.buffers import open_buffer_files, room_hint
from zcprobe.config import RunConfig, SocketOptions
from zcprobe.connection import Link, open_link, tcp_members
from zcprobe.errors import HostError, PeerError, UsageError, ZcprobeError
from zcprobe.handover import take_files
from zcprobe.host.zerocopy import SO_ZEROCOPY, try_zerocopy_send
from zcprobe.native import ffi, lib
from zcprobe.native.process import (
    CAP_IPC_LOCK,
    CAP_NET_ADMIN,
    die_with_parent,
    enter_netns,
    give_up_root,
    keep_capabilities,
    limit_locked_memory,
)
from zcprobe.native.recorder import Recorder
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.native.structs import enum_names, struct_to_dict
from zcprobe.policies import find_policy
from zcprobe.sink import hang_up, of_any_family
from zcprobe.tokens import prepare_proofs
from zcprobe.wire import (
    ChannelReport,
    Failure,
    SenderCalibrated,
    SenderReady,
    SenderReport,
    SenderTask,
    StreamPlan,
)
from zcprobe.workloads import PAGE_BYTES

__all__ = [
    "CHUNK_COUNT",
    "CHUNK_RECORDS",
    "SO_COOKIE",
    "main",
]

_SO_MAX_PACING_RATE = 47
_SO_SNDBUFFORCE = 32
SO_COOKIE = 57
CHUNK_RECORDS = 1024
CHUNK_COUNT = 256
_CALIBRATION_SETTLE_S = 1.0
_OPEN_TIMEOUT_S = 15.0
"""For the sink to let in all channels; below what the run's parent waits for the sender to be ready."""

_SPOOLS_TIMEOUT_S = 20.0
_ANSWER_GRACE_S = 2.0
"""For the sink's word, beyond the run's own deadlines."""


def _open_link(task: SenderTask, deadline_s: float) -> Link:
    config = task.config
    plan = StreamPlan(
        is_framed=config.traffic.is_framed,
        is_datagram=config.protocol == "udp",
        respond=config.traffic.model == "rpc",
    )
    link = open_link(task.address, task.port, config.family, plan, task.token, deadline_s)
    link.data.settimeout(None)
    _set_options(link.data, config.socket, is_tcp=config.is_tcp)
    if config.zerocopy:
        _enable_zerocopy(link.data)
    return link


def _set_options(data: socket.socket, options: SocketOptions, *, is_tcp: bool) -> None:
    if is_tcp:
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, options.nodelay)
        data.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, options.cork)
    # only the fq qdisc paces other protocols: there the sender waits itself, see traffic.c
    if is_tcp and options.pacing_bps is not None:
        data.setsockopt(socket.SOL_SOCKET, _SO_MAX_PACING_RATE, (options.pacing_bps // 8).to_bytes(8, sys.byteorder))
    if options.sndbuf_bytes is not None:
        _set_sndbuf(data, options.sndbuf_bytes)


def _set_sndbuf(data: socket.socket, count: int) -> None:
    """Beyond net.core.wmem_max where we may. UsageError when the kernel makes another size of it."""
    try:
        data.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, count)
    except PermissionError:
        data.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, count)
    made = data.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) // 2
    if made != count:
        raise UsageError(
            f"the kernel makes a send buffer of {made} bytes of the {count} asked for",
            "choose -w of a few KiB or more, and without CAP_NET_ADMIN not above net.core.wmem_max",
        )


def _enable_zerocopy(data: socket.socket) -> None:
    try:
        data.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    except OSError as error:
        raise HostError(
            f"this kernel refuses SO_ZEROCOPY on the socket: {os.strerror(error.errno or 0)}",
            "TCP has it since Linux 4.14, UDP since 5.0, vsock since 6.7",
        ) from error


def _lasting_capabilities(task: SenderTask) -> tuple[int, ...]:
    """With CAP_IPC_LOCK mm_account_pinned_pages() counts no page, so not in a scenario with a limit."""
    return () if task.memlock_bytes is not None else (CAP_IPC_LOCK,)


def _give_up_root(task: SenderTask) -> None:
    """But for what the scenario wants, and SO_SNDBUFFORCE until the channels are connected."""
    if task.memlock_bytes is not None:
        limit_locked_memory(task.memlock_bytes)
    forcing = () if task.config.socket.sndbuf_bytes is None else (CAP_NET_ADMIN,)
    give_up_root(*_lasting_capabilities(task), *forcing)
    die_with_parent()  # with another user's name that has to be asked for anew


def _take_spools(task: SenderTask) -> list[list[int]]:
    """Channel -> open files. HostError when this process may not have so many, PeerError when they do not come."""
    if task.spools_fd is None:
        return []
    with socket.socket(fileno=task.spools_fd) as files:
        files.settimeout(_SPOOLS_TIMEOUT_S)
        try:
            return [take_files(files, lib.ZC_STREAM_COUNT) for _ in range(task.config.channels)]
        except TimeoutError:
            raise PeerError("the files for records do not come", "run again; the host may be overloaded") from None


def _recorder(spools: list[int], limit_bytes: int) -> Recorder:
    return Recorder([partial(int, spool) for spool in spools], CHUNK_RECORDS, CHUNK_COUNT, limit_bytes)


def _run(
    task: SenderTask, links: list[Link], files: list[int], recorders: list[Recorder], charge_bytes: int
) -> list[dict[str, int]]:
    """`files` are those of the buffers, `recorders` one for each link, or none."""
    config = task.config
    channels = ffi.new("struct zc_channel_config[]", len(links))
    results = ffi.new("struct zc_result[]", len(links))
    traffic = ffi.new("struct zc_traffic *")
    fill_traffic(traffic, config)
    for number, link in enumerate(links):
        channel = channels[number]
        fill_channel_config(channel, config, task.flush_variant)
        channel.fd = link.data.fileno()
        channel.idle_ns, channel.ends_idle = int(task.idle_s * 1e9), task.ends_idle
        channel.channel = number
        channel.optmem_max_bytes = task.optmem_max_bytes
        channel.charge_bytes = charge_bytes
        channel.buffer_fd = files[number]
        channel.recorder = recorders[number].handle if recorders else ffi.NULL
    status = lib.zc_sender_run(channels, results, len(links), traffic)
    if status:
        raise HostError(f"the sender cannot start: {os.strerror(-status)}", room_hint(config))
    return [struct_to_dict(ffi.addressof(results, number)) for number in range(len(links))]


def _answer_deadline_s(task: SenderTask, began_s: float, results: list[dict[str, int]]) -> float:
    """Until when the sink is waited for, in time.monotonic(): a slow one has all of the run's time, but whoever asked
    for the end waits no longer than for late completions, and nobody for a path on which nothing moves."""
    left_s = task.config.settle_s + _ANSWER_GRACE_S
    if any(result["outcome"] == lib.ZC_OUTCOME_DEAD_TIMEOUT and result["idle"] for result in results):
        return time.monotonic() + _ANSWER_GRACE_S
    if any(result["outcome"] == lib.ZC_OUTCOME_INTERRUPTED for result in results):
        return time.monotonic() + left_s
    return began_s + task.config.limit_s + left_s


def _report(
    task: SenderTask, links: list[Link], files: list[int], recorders: list[Recorder], charge_bytes: int
) -> SenderReport:
    began_s = time.monotonic()
    results = _run(task, links, files, recorders, charge_bytes)
    tcp = [tcp_members(link, result) for link, result in zip(links, results, strict=True)]
    lost = [recorder.close() for recorder in recorders] or [0] * len(links)
    recorded = [(recorder.records, recorder.kept) for recorder in recorders] or [([], [])] * len(links)
    answers = ask_sinks([link.control for link in links], _answer_deadline_s(task, began_s, results))
    for link, answer in zip(links, answers, strict=True):
        if answer is None:
            hang_up(link.control)
    outcomes = enum_names("zc_outcome", "ZC_OUTCOME_")
    return SenderReport(
        [
            ChannelReport(
                outcomes[result["outcome"]],
                result,
                lost_records,
                answer,
                members.get("retransmit_count"),
                members.get("acked_bytes"),
                *counts,
            )
            for result, lost_records, answer, members, counts in zip(results, lost, answers, tcp, recorded, strict=True)
        ]
    )


def _say(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _cookie(data: socket.socket) -> int:
    with of_any_family(data) as same:
        return int.from_bytes(same.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)


def _open_links(task: SenderTask, stack: ExitStack) -> list[Link]:
    links = []
    deadline_s = time.monotonic() + _OPEN_TIMEOUT_S
    for _ in range(task.config.channels):
        links.append(_open_link(task, deadline_s))
        stack.callback(links[-1].close)
    return links


def _calibration_task(task: SenderTask, duration_s: float) -> SenderTask:
    """The same sender with a policy that survives, without the run's pace and send buffer: what a large buffer takes at
    once, a slow path delivers for minutes. A migration has rounds of its own length; its packets go as a stream."""
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
        deadline_s=_CALIBRATION_SETTLE_S,
        settle_s=_CALIBRATION_SETTLE_S,
        socket=msgspec.structs.replace(task.config.socket, pacing_bps=None, sndbuf_bytes=None),
    )
    return msgspec.structs.replace(task, config=config)


def _calibrate(task: SenderTask, duration_s: float, files: list[int], charge_bytes: int) -> SenderCalibrated:
    """PeerError when the sink does not say what arrived."""
    asked = _calibration_task(task, duration_s)
    with ExitStack() as stack:
        links = _open_links(asked, stack)
        results = _run(asked, links, files, [], charge_bytes)
        answers = ask_sinks(
            [link.control for link in links], time.monotonic() + _CALIBRATION_SETTLE_S + _ANSWER_GRACE_S
        )
        sinks = [sink for sink in answers if sink is not None]
    received = sum(sink.bytes for sink in sinks)
    if len(sinks) < len(links) or not received:
        raise PeerError(
            f"the sink did not say what arrived within {_CALIBRATION_SETTLE_S + _ANSWER_GRACE_S:g} s of calibration",
            "the path is slow, the sink stopped, or the host overloaded; --scenario in-order is not calibrated",
        )
    sender_ns = max(result["end_ns"] for result in results) - min(result["start_ns"] for result in results)
    sink_ns = max(sink.end_ns for sink in sinks) - min(sink.start_ns for sink in sinks)
    duration_ns = max(sender_ns, sink_ns)
    goodput_bps = received * 8e9 / duration_ns
    if task.config.socket.pacing_bps is not None:
        # the path was measured without it
        goodput_bps = min(goodput_bps, float(task.config.socket.pacing_bps * len(links)))
    return SenderCalibrated(
        goodput_bps=goodput_bps,
        duration_ns=duration_ns,
        sends=sum(result["send_count"] for result in results),
        charge_bytes=charge_bytes,
    )


def _serve(task: SenderTask) -> SenderReport | None:
    """None when the parent hung up before the word."""
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    spools = _take_spools(task)
    with ExitStack() as stack:
        files = open_buffer_files(task.config, stack)
        charge_bytes = try_zerocopy_send().charge_bytes
        if task.token is not None:
            prepare_proofs()
        _give_up_root(task)
        if task.calibration_s is not None:
            _say(_calibrate(task, task.calibration_s, files, charge_bytes))
            line = sys.stdin.buffer.readline()
            if not line:
                return None
            task = msgspec.structs.replace(task, config=msgspec.json.decode(line, type=RunConfig))
        links = _open_links(task, stack)
        keep_capabilities(*_lasting_capabilities(task))
        _say(SenderReady(os.getpid(), [_cookie(link.data) for link in links], charge_bytes))
        if not sys.stdin.buffer.readline():
            return None
        return _report(
            task, links, files, [_recorder(opened, task.record_limit_bytes) for opened in spools], charge_bytes
        )


def main() -> None:
    """Child process of a run: task on stdin, `SenderReady` out, an empty line in, `SenderReport` out."""
    die_with_parent()
    # until the loops have their own handlers, a request to stop waits for them
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=SenderTask)
    try:
        report = _serve(task)
    except ZcprobeError as error:
        _say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)
    if report is not None:
        _say(report)
