"""The sender's process: connects, waits for the word, runs the C loop, reports.

It is a process of its own so that neither LLVM's memory nor the recorder's work disturbs the loop, and so that it can
enter the run's network namespace and give up capabilities for good. Task, readiness and report are lines of JSON.
"""

import os
import resource
import signal
import socket
import sys

import msgspec

from zcprobe.errors import HostError, PeerError, ZcprobeError
from zcprobe.host.zerocopy import SO_ZEROCOPY, try_zerocopy_send
from zcprobe.native import ffi, lib
from zcprobe.native.process import die_with_parent, enter_netns
from zcprobe.native.structs import enum_names, struct_to_dict
from zcprobe.sink import GREETING, Failure, SinkReport

__all__ = ["SenderReady", "SenderReport", "SenderTask", "main"]

_CAP_IPC_LOCK = 14
_SO_COOKIE = 57
_CHUNK_RECORDS = 16384
_CHUNK_COUNT = 16
_CONNECT_TIMEOUT_S = 5.0


class SenderTask(msgspec.Struct, frozen=True, kw_only=True):
    """`spool_paths`: files for the raw records, in the order of enum zc_stream_index; None: recording off."""

    address: str
    port: int
    policy: str
    flush_variant: str
    send_bytes: int
    send_count: int
    duration_ns: int
    deadline_ns: int
    settle_ns: int
    meminfo_interval_ns: int
    zerocopy: bool = True
    netns_path: str | None = None
    memlock_bytes: int | None = None
    cpu: int | None = None
    spool_paths: list[str] | None = None


class SenderReady(msgspec.Struct, frozen=True):
    """Connected and waiting for the word; `charge_bytes` is what one notification costs in optmem here."""

    pid: int
    cookie: int
    charge_bytes: int


class SenderReport(msgspec.Struct, frozen=True):
    """`result`: members of struct zc_result; `sink` is None when the connection broke before its report."""

    outcome: str
    result: dict[str, int]
    record_counts: list[int]
    lost_record_counts: list[int]
    sink: SinkReport | None


def _enum_value(enum: str, prefix: str, name: str) -> int:
    by_name = {text: value for value, text in enum_names(enum, prefix).items()}
    return by_name[name.replace("-", "_")]


def _connect(task: SenderTask) -> socket.socket:
    where = f"{task.address} port {task.port}"
    try:
        connection = socket.create_connection((task.address, task.port), timeout=_CONNECT_TIMEOUT_S)
        greeting = connection.recv(len(GREETING), socket.MSG_WAITALL)
    except OSError as error:
        raise PeerError(f"no sink at {where}: {error.strerror or error}", "start one there: zcprobe sink") from error
    if greeting != GREETING:
        connection.close()
        raise PeerError(
            f"what listens at {where} is no sink of this version (it said {greeting[:32]!r})",
            "run the same version of zcprobe on both sides",
        )
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if task.zerocopy:
        _enable_zerocopy(connection)
    return connection


def _enable_zerocopy(connection: socket.socket) -> None:
    try:
        connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    except OSError as error:
        raise HostError(
            f"this kernel refuses SO_ZEROCOPY on the socket: {os.strerror(error.errno or 0)}",
            "zerocopy sends need Linux 4.14 or later and a TCP socket",
        ) from error


def _limit_memlock(task: SenderTask) -> None:
    """An unprivileged sender's position: held to RLIMIT_MEMLOCK."""
    if task.memlock_bytes is None:
        return
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (task.memlock_bytes, task.memlock_bytes))
    status = lib.zc_drop_capability(_CAP_IPC_LOCK)
    if status:
        raise HostError(f"CAP_IPC_LOCK cannot be dropped: {os.strerror(-status)}", "run as root")


def _open_recorder(task: SenderTask) -> tuple[object, list[int]]:
    if task.spool_paths is None:
        return ffi.NULL, []
    fds = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in task.spool_paths]
    recorder = lib.zc_recorder_open(fds, _CHUNK_RECORDS, _CHUNK_COUNT)
    if recorder == ffi.NULL:
        raise HostError(f"the recorder cannot start: {os.strerror(ffi.errno)}", "free some memory")
    return recorder, fds


def _close_recorder(recorder: object, fds: list[int]) -> tuple[list[int], list[int]]:
    if not fds:
        return [], []
    lost, records = ffi.new("uint64_t[]", lib.ZC_STREAM_COUNT), ffi.new("uint64_t[]", lib.ZC_STREAM_COUNT)
    status = lib.zc_recorder_close(recorder, lost, records)
    for fd in fds:
        os.close(fd)
    if status:
        raise HostError(f"records cannot be written: {os.strerror(-status)}", "free some space on the output's disk")
    return list(records), list(lost)


def _run(connection: socket.socket, task: SenderTask, recorder: object) -> dict[str, int]:
    config = ffi.new("struct zc_config *")
    config.fd = connection.fileno()
    config.policy = _enum_value("zc_policy_id", "ZC_POLICY_", task.policy)
    config.flush_variant = _enum_value("zc_flush_variant", "ZC_FLUSH_", task.flush_variant)
    for name in ("send_bytes", "send_count", "duration_ns", "deadline_ns", "settle_ns", "meminfo_interval_ns"):
        setattr(config, name, getattr(task, name))
    config.zerocopy = task.zerocopy
    config.recorder = recorder
    result = ffi.new("struct zc_result *")
    status = lib.zc_sender_run(config, result)
    if status:
        raise HostError(f"the sender cannot start: {os.strerror(-status)}", "free some memory, or choose a smaller -l")
    return struct_to_dict(result)


def _ask_sink(connection: socket.socket) -> SinkReport | None:
    """Ends the stream and reads the sink's report; None when the connection is broken or the sink is silent."""
    connection.settimeout(_CONNECT_TIMEOUT_S)
    try:
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as lines:
            line = lines.readline()
        return msgspec.json.decode(line, type=SinkReport)
    except (OSError, msgspec.DecodeError):
        return None


def _say(message: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _serve(task: SenderTask) -> SenderReport | None:
    if task.netns_path is not None:
        enter_netns(task.netns_path)
    if task.cpu is not None:
        os.sched_setaffinity(0, {task.cpu})
    charge_bytes = try_zerocopy_send().charge_bytes
    _limit_memlock(task)
    with _connect(task) as connection:
        cookie = int.from_bytes(connection.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8), sys.byteorder)
        _say(SenderReady(os.getpid(), cookie, charge_bytes))
        if not sys.stdin.buffer.readline():
            return None
        recorder, fds = _open_recorder(task)
        result = _run(connection, task, recorder)
        records, lost = _close_recorder(recorder, fds)
        sink = _ask_sink(connection)
    outcome = enum_names("zc_outcome", "ZC_OUTCOME_")[result["outcome"]]
    return SenderReport(outcome, result, records, lost, sink)


def main() -> None:
    """Child process of a run: task on stdin, `SenderReady` out, an empty line in, `SenderReport` out."""
    die_with_parent()
    # until the loop has its own handlers, a request to stop waits for it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=SenderTask)
    try:
        report = _serve(task)
    except ZcprobeError as error:
        _say(Failure(type(error).__name__, str(error), error.hint))
        sys.exit(error.exit_code)
    if report is not None:
        _say(report)


if __name__ == "__main__":
    main()
