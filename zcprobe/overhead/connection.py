# SPDX-License-Identifier: GPL-2.0-only
"""One connection in its own lab, blocks of sends on it, and the comparison of alternating sides.

Connections differ from each other by far more than measuring costs, so all sides of a round run on the same one, in
random order. The result is the median of the ratios within a round.
"""

import os
import random
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from zcprobe.child import Child
from zcprobe.config import DEFAULT_PORT, RunConfig
from zcprobe.errors import DataLossError
from zcprobe.format.lab import Lab
from zcprobe.journal import new_run_id
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.open import open_lab
from zcprobe.lab.scenarios import find_scenario
from zcprobe.native import ffi, lib
from zcprobe.native.recorder import Recorder
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.native.status import require
from zcprobe.sender.links import open_links
from zcprobe.sender.sockets import read_cookie
from zcprobe.wire import SenderTask, SinkReady, SinkTask

__all__ = ["block_sends", "connected_lab", "ratios_to", "recording", "send_block"]

_OPTMEM_BYTES = 64 << 20  # so much that no send is ever refused, so that only the loops are compared
_PATTERN_SENDS = 257  # a block has whole periods of the content, so that the sink can keep comparing every byte
_BLOCK_BYTES = 384 << 20
_MOST_PERIODS = 120


def block_sends(send_bytes: int) -> int:
    """Number of sends in a block: some tenths of a second on an unimpaired link."""
    periods = _BLOCK_BYTES // (_PATTERN_SENDS * send_bytes)
    return _PATTERN_SENDS * min(max(periods, 4), _MOST_PERIODS)


def _connect(lab: Lab) -> socket.socket:
    """A channel's socket as a sender of that lab would have it."""
    task = SenderTask(
        address=lab.sink_address,
        port=lab.sink_port,
        config=RunConfig(),
        flush_variant="sticky",
        optmem_max_bytes=lab.optmem_max_bytes,
    )
    with ExitStack() as stack:
        (link,) = run_in_namespace(Path(str(lab.sender_netns_path)).name, lambda: open_links(task, stack))
        read_cookie(link.data)  # it has no cookie until it is asked for one, as every sender's socket is
        stack.pop_all()
    return link.data


@contextmanager
def connected_lab() -> Iterator[tuple[Lab, socket.socket]]:
    """A lab and a sender's socket in it that is connected to a sink. Inside the context this process runs on the first
    CPU that it may use, and the sink on the last one of the machine."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with open_lab(
            find_scenario("in-order"), run_id=new_run_id(), family="ipv4", optmem_max_bytes=_OPTMEM_BYTES
        ) as lab:
            last_cpu = (os.cpu_count() or 1) - 1
            task = SinkTask(address=lab.sink_address, port=DEFAULT_PORT, netns_path=lab.sink_netns_path, cpu=last_cpu)
            with Child("zcprobe.sink.process", task) as sink:
                sink.expect(SinkReady, 10)
                with _connect(lab) as connection:
                    yield lab, connection
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def recording() -> Iterator[object]:
    """A recorder whose records go to temporary files. DataLossError if a record was lost, HostError if it cannot start
    or write."""
    recorder = Recorder([_open_unnamed_file] * lib.ZC_STREAM_COUNT)
    try:
        yield recorder.handle
    except BaseException:
        recorder.close()
        raise
    recorder.close_whole("run again on an idle machine")


def _open_unnamed_file() -> int:
    """An unnamed file, which a killed command does not leave behind."""
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def send_block(connection: socket.socket, size: int, recorder: object, *, zerocopy: bool = True) -> float:
    """Bytes per nanosecond of one block of sends of `size` bytes. HostError if it cannot begin, DataLossError if it
    ends early, KeyboardInterrupt after a request to end."""
    asked = RunConfig(send_bytes=size, send_count=block_sends(size), zerocopy=zerocopy)
    channel, result, traffic = (
        ffi.new("struct zc_channel_config *"),
        ffi.new("struct zc_result *"),
        ffi.new("struct zc_traffic *"),
    )
    fill_channel_config(channel, asked, "sticky")
    fill_traffic(traffic, asked)
    channel.fd = connection.fileno()
    channel.buffer_fd = -1
    channel.recorder = recorder
    status = lib.zc_sender_run(channel, result, 1, traffic)
    require(status, "a block of sends cannot begin", "free some memory")
    if result.outcome == lib.ZC_OUTCOME_INTERRUPTED:
        number = lib.zc_stop_signal()
        signal.raise_signal(number)  # the loop received the signal, so whatever handles signals here must be told
        raise KeyboardInterrupt(number)
    if result.outcome != lib.ZC_OUTCOME_COMPLETED:
        raise DataLossError(f"a block of sends ended early: {os.strerror(result.error)}", "run again")
    return float(result.bytes_sent / (result.end_ns - result.start_ns))


def ratios_to(base: str, sides: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Side -> ratios of its goodput to that of `base`, one per round. A first uncounted block of each lets windows and
    buffers grow to their size."""
    for side in sides.values():
        side()
    ratios: dict[str, list[float]] = {name: [] for name in sides if name != base}
    for _ in range(rounds):
        goodput = {name: sides[name]() for name in random.sample(sorted(sides), len(sides))}
        for name, found in ratios.items():
            found.append(goodput[name] / goodput[base])
    return ratios
