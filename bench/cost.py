"""What measuring costs: goodput with recording on against off, and with probes attached against not.

    .venv/bin/python bench/cost.py [--pairs 31] [--json FILE]

One connection in a lab of its own; blocks of sends with the thing on and off alternate on it, in random order within
each pair, so that what differs from connection to connection (and that is a lot) cancels. The figure is the median
ratio within a pair and the 95 % bootstrap interval of it. As root, on an otherwise idle machine.
"""

import argparse
import json
import os
import random
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zcprobe.analysis.policies import Estimate, estimate_median
from zcprobe.host.zerocopy import SO_ZEROCOPY
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.scenarios import Lab, find_scenario, open_lab
from zcprobe.native import ffi, lib
from zcprobe.probes.session import ProbeSession
from zcprobe.recorder.child import Child
from zcprobe.recorder.run import new_run_id
from zcprobe.sink import DEFAULT_PORT, GREETING, SinkReady, SinkTask

OPTMEM_BYTES = 16 << 20  # so much that no send is ever refused: the loop alone is compared
PATTERN_SENDS = 257  # a block is whole periods of the content, so that the sink goes on comparing every byte
BLOCK_SENDS = {4096: 120 * PATTERN_SENDS, 65536: 24 * PATTERN_SENDS}
BOUNDS = {("recording", 4096): 0.97, ("recording", 65536): 0.97, ("probes", 4096): 0.90, ("probes", 65536): 0.97}


@contextmanager
def connected(lab: Lab) -> Iterator[socket.socket]:
    """A sender's socket in the lab, with a sink behind it."""
    task = SinkTask(lab.sink_address, DEFAULT_PORT, lab.sink_netns_path, cpu=max(os.sched_getaffinity(0)))
    with Child("zcprobe.sink", task) as sink:
        sink.expect(SinkReady, 10)
        name = Path(lab.sender_netns_path).name
        connection = run_in_namespace(name, lambda: socket.create_connection((lab.sink_address, DEFAULT_PORT)))
        with connection:
            connection.recv(len(GREETING), socket.MSG_WAITALL)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
            yield connection


def send_block(connection: socket.socket, size: int, recorder: object) -> float:
    """Bytes per nanosecond of one block of sends."""
    config, result = ffi.new("struct zc_config *"), ffi.new("struct zc_result *")
    config.fd = connection.fileno()
    config.policy = lib.ZC_POLICY_QEMU_MERGED
    config.send_bytes, config.send_count = size, BLOCK_SENDS[size]
    config.deadline_ns = config.settle_ns = 20_000_000_000
    config.meminfo_interval_ns = 1_000_000
    config.zerocopy = 1
    config.recorder = recorder
    assert lib.zc_sender_run(config, result) == 0
    assert result.outcome == lib.ZC_OUTCOME_COMPLETED
    return float(result.bytes_sent / (result.end_ns - result.start_ns))


@contextmanager
def recording() -> Iterator[object]:
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


def block_with(what: str, connection: socket.socket, size: int, netns_inode: int) -> float:
    with recording() as recorder:
        if what == "recording":
            return send_block(connection, size, recorder)
        with tempfile.NamedTemporaryFile() as events, ProbeSession() as probes:
            with probes.measure(netns_inode, Path(events.name)) as counts:
                goodput = send_block(connection, size, recorder)
            assert counts.lost_events == 0
            return goodput


def block_without(what: str, connection: socket.socket, size: int) -> float:
    if what == "recording":
        return send_block(connection, size, ffi.NULL)
    with recording() as recorder:
        return send_block(connection, size, recorder)


def measure(what: str, size: int, pairs: int) -> list[float]:
    with (
        open_lab(find_scenario("in-order"), run_id=new_run_id(), family="ipv4", optmem_max_bytes=OPTMEM_BYTES) as lab,
        connected(lab) as connection,
    ):
        sides: dict[str, Callable[[], float]] = {
            "on": lambda: block_with(what, connection, size, lab.sender_netns_inode),
            "off": lambda: block_without(what, connection, size),
        }
        send_block(connection, size, ffi.NULL)  # windows and buffers grow to their size
        ratios = []
        for _ in range(pairs):
            goodput = {name: sides[name]() for name in random.sample(sorted(sides), 2)}
            ratios.append(goodput["on"] / goodput["off"])
        return ratios


def describe(what: str, size: int, estimate: Estimate, ratios: list[float]) -> str:
    bound = BOUNDS[what, size]
    word = "ok" if (estimate.median or 0) >= bound else "BELOW"
    spread = f"[{estimate.low:.3f} .. {estimate.high:.3f}], pairs {min(ratios):.2f} to {max(ratios):.2f}"
    return f"{what:<10}{size:>6} B  {estimate.median:.3f} {spread}  bound {bound:.2f}  {word}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=31)
    parser.add_argument("--json", type=Path, help="write the ratios there")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    results = {}
    print(f"goodput on / off, n = {options.pairs} pairs: median [95 % interval]")
    for what, size in BOUNDS:
        ratios = measure(what, size, options.pairs)
        results[f"{what}-{size}"] = ratios
        print(describe(what, size, estimate_median(ratios), ratios), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
