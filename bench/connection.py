"""One connection in a lab of its own, blocks of sends on it, and how two alternating sides compare.

What differs from connection to connection is far more than what the benchmarks are after, so both sides of a pair run
on the same one, in random order; the figure is the median ratio within a pair.
"""

import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.analysis.policies import estimate_median
from zcprobe.config import RunConfig
from zcprobe.host.zerocopy import SO_ZEROCOPY
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.scenarios import Lab, find_scenario, open_lab
from zcprobe.native import ffi, lib
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.recorder.child import Child
from zcprobe.recorder.run import new_run_id
from zcprobe.sink import DEFAULT_PORT, GREETING, SinkReady, SinkTask

OPTMEM_BYTES = 64 << 20  # so much that no send is ever refused: the loops alone are compared
PATTERN_SENDS = 257  # a block is whole periods of the content, so that the sink goes on comparing every byte
BLOCK_SENDS = {4096: 120 * PATTERN_SENDS, 65536: 24 * PATTERN_SENDS, 524288: 4 * PATTERN_SENDS}


@contextmanager
def connected_lab() -> Iterator[tuple[Lab, socket.socket]]:
    """A lab and a sender's socket in it, with a sink behind it; this process on the first CPU, the sink on the last."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with open_lab(find_scenario("in-order"), run_id=new_run_id(), family="ipv4", optmem_max_bytes=OPTMEM_BYTES) as lab:
        last_cpu = (os.cpu_count() or 1) - 1
        task = SinkTask(address=lab.sink_address, port=DEFAULT_PORT, netns_path=lab.sink_netns_path, cpu=last_cpu)
        with Child("zcprobe.sink", task) as sink:
            sink.expect(SinkReady, 10)
            name = Path(str(lab.sender_netns_path)).name
            connection = run_in_namespace(name, lambda: socket.create_connection((lab.sink_address, DEFAULT_PORT)))
            with connection:
                connection.recv(len(GREETING), socket.MSG_WAITALL)
                connection.sendall(b"{}\n")
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
                yield lab, connection


@contextmanager
def recording() -> Iterator[object]:
    """A recorder whose records go to files that are thrown away; none may be lost."""
    with tempfile.TemporaryDirectory() as folder:
        fds = [os.open(f"{folder}/{number}", os.O_WRONLY | os.O_CREAT) for number in range(lib.ZC_STREAM_COUNT)]
        recorder = lib.zc_recorder_open(fds, 16384, 16)
        try:
            yield recorder
        finally:
            lost, records = ffi.new("uint64_t[]", len(fds)), ffi.new("uint64_t[]", len(fds))
            assert lib.zc_recorder_close(recorder, lost, records) == 0
            assert sum(lost) == 0
            for fd in fds:
                os.close(fd)


def send_block(connection: socket.socket, size: int, recorder: object, *, zerocopy: bool = True) -> float:
    """Bytes per nanosecond of one block of our own loop."""
    asked = RunConfig(send_bytes=size, send_count=BLOCK_SENDS[size], zerocopy=zerocopy)
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
    assert lib.zc_sender_run(channel, result, 1, traffic) == 0
    assert result.outcome == lib.ZC_OUTCOME_COMPLETED
    return float(result.bytes_sent / (result.end_ns - result.start_ns))


def pair_ratios(sides: dict[str, Callable[[], float]], pairs: int) -> list[float]:
    """Of `on` to `off`, after a first block of each in which windows and buffers grow to their size."""
    for side in sides.values():
        side()
    ratios = []
    for _ in range(pairs):
        goodput = {name: sides[name]() for name in random.sample(sorted(sides), 2)}
        ratios.append(goodput["on"] / goodput["off"])
    return ratios


def describe(what: str, size: int, bound: float, ratios: list[float]) -> str:
    estimate = estimate_median(ratios)
    word = "ok" if (estimate.median or 0) >= bound else "BELOW"
    spread = f"[{estimate.low:.3f} .. {estimate.high:.3f}], pairs {min(ratios):.2f} to {max(ratios):.2f}"
    return f"{what:<20}{size:>7} B  {estimate.median:.3f} {spread}  bound {bound:.2f}  {word}"
