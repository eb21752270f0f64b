# SPDX-License-Identifier: GPL-2.0-only
"""Cost of our probes, and of a bpftrace script that only counts the same tracepoints: goodput with each of them divided
by goodput without any.

    .venv/bin/python bench/bpftrace.py [--rounds 15] [-l 4096]

Needs root, an otherwise idle machine, and bpftrace. The sides alternate on one connection. bpftrace looks up
tracepoints in tracefs, which is mounted while it runs if it is not mounted already.
"""

import argparse
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from connection import describe

from zcprobe.config import ProbeLevel
from zcprobe.format.lab import Lab
from zcprobe.overhead.connection import connected_lab, ratios_to, recording, send_block
from zcprobe.probes.measurement import Target
from zcprobe.probes.session import ProbeSession

READY = "counting"
TRACEFS = Path("/sys/kernel/tracing")


@contextmanager
def tracefs() -> Iterator[None]:
    """Mounts tracefs inside the context, unless it is mounted already."""
    if any(TRACEFS.iterdir()):
        yield
        return
    subprocess.run(["mount", "-t", "tracefs", "tracefs", str(TRACEFS)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(TRACEFS)], check=True)


def group_of(tracepoint: str) -> str:
    return next(path.parent.name for path in (TRACEFS / "events").glob(f"*/{tracepoint}"))


def script(tracepoints: list[str]) -> str:
    """A script that counts each tracepoint without a filter: the least that a bpftrace user would write."""
    probes = "\n".join(f"tracepoint:{group_of(name)}:{name} {{ @{name} = count(); }}" for name in tracepoints)
    return f'BEGIN {{ printf("{READY}\\n"); }}\n{probes}\n'


@contextmanager
def counting(tracepoints: list[str]) -> Iterator[None]:
    with tempfile.NamedTemporaryFile("w", suffix=".bt") as file:
        file.write(script(tracepoints))
        file.flush()
        command = ["stdbuf", "-oL", "bpftrace", file.name]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            if not any(READY in line for line in process.stdout):
                raise SystemExit(f"bpftrace ended early: {process.stderr.read()}")
            try:
                yield
            finally:
                process.kill()  # its counts are not needed, and its maps vanish with it
                process.communicate()


def plain_block(connection: socket.socket, size: int) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder)


def counted_block(connection: socket.socket, size: int, tracepoints: list[str]) -> float:
    with counting(tracepoints):
        return plain_block(connection, size)


def probed_block(connection: socket.socket, size: int, lab: Lab, level: ProbeLevel) -> float:
    with tempfile.NamedTemporaryFile() as events, ProbeSession("tracepoint") as probes:
        with probes.measure(Target(lab.sender_netns_inode, level=level), Path(events.name)) as counts:
            goodput = plain_block(connection, size)
        assert counts.lost_events == 0
        return goodput


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("-l", "--length", type=int, default=4096)
    options = parser.parse_args()
    size = options.length
    with ProbeSession("tracepoint") as probes:
        tracepoints = probes.attached
    with tracefs(), connected_lab() as (lab, connection):
        sides: dict[str, Callable[[], float]] = {
            "none": partial(plain_block, connection, size),
            "bpftrace": partial(counted_block, connection, size, tracepoints),
            "summary": partial(probed_block, connection, size, lab, "summary"),
            "timeline": partial(probed_block, connection, size, lab, "timeline"),
        }
        ratios = ratios_to("none", sides, options.rounds)
    print(f"goodput / goodput without probes, n = {options.rounds} rounds; tracepoints: {' '.join(tracepoints)}")
    for name, found in ratios.items():
        print(describe(name, size, 0.0, found))
    for name in ("summary", "timeline"):
        against = [ours / theirs for ours, theirs in zip(ratios[name], ratios["bpftrace"], strict=True)]
        print(describe(f"{name} / bpftrace", size, 1.0, against))


if __name__ == "__main__":
    main()
