# SPDX-License-Identifier: GPL-2.0-only
"""What being watched costs a sender: its goodput while `zcprobe attach` watches it / unwatched.

    .venv/bin/python bench/attach.py [--detail causes] [--size 4096] [--connections 7] [--rounds 9]

Needs root and an otherwise idle machine. Blocks with and without the watcher alternate on the same connection. A
watcher with detail `sample` runs all the time and is stopped (SIGSTOP) during the blocks without it. The probes of
`causes` cost something as long as they are attached, so they are attached, by this process and beside that watcher, for
the blocks with it alone. A sender without CAP_IPC_LOCK costs the probes more: measure one by calling this with
`setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock` before it. Prints the median ratio and its 95 % bootstrap
interval.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from connection import describe, on_connections, pair_ratios

from zcprobe.format.attachment import Detail
from zcprobe.native import ffi
from zcprobe.overhead.connection import block_sends, connected_lab, send_block
from zcprobe.overhead.measure import while_attached
from zcprobe.probes.measurement import Target
from zcprobe.probes.session import ProbeSession

BOUNDS: dict[Detail, dict[int, float]] = {
    "sample": {4096: 0.99, 65536: 0.99},
    "causes": {4096: 0.92, 65536: 0.98},
}


@contextmanager
def watcher() -> Iterator["subprocess.Popen[str]"]:
    """A process that watches this one by samples, once it has printed its first one."""
    # this process stays on one CPU; the watcher runs where the kernel puts it
    anywhere = ("taskset", "-c", f"0-{(os.cpu_count() or 1) - 1}")
    words = [*anywhere, sys.executable, "-m", "zcprobe", "attach", "-j", "-p", str(os.getpid()), "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()


def block(watching: "subprocess.Popen[str]", number: int, connection: socket.socket, size: int) -> float:
    if watching.poll() is not None:  # without it both sides would be the same
        raise SystemExit(f"the watcher has ended with exit code {watching.returncode}")
    watching.send_signal(number)
    return send_block(connection, size, ffi.NULL)


def probed_block(
    watching: "subprocess.Popen[str]", probes: ProbeSession, connection: socket.socket, size: int
) -> float:
    target = Target(level="summary", processes=[os.getpid()])
    with tempfile.NamedTemporaryFile() as events, while_attached(probes):
        with probes.measure(target, Path(events.name)):
            goodput = block(watching, signal.SIGCONT, connection, size)
        (counts,) = probes.snapshot().sockets
    assert counts.usage is not None
    if counts.usage.sends != block_sends(size):
        raise SystemExit(f"the probes saw {counts.usage.sends} of {block_sends(size)} sends")
    return goodput


def measure_sample(size: int, rounds: int) -> list[float]:
    with connected_lab() as (_, connection), watcher() as watching:
        sides = {
            "on": partial(block, watching, signal.SIGCONT, connection, size),
            "off": partial(block, watching, signal.SIGSTOP, connection, size),
        }
        return pair_ratios(sides, rounds)


def measure_causes(size: int, rounds: int) -> list[float]:
    with ProbeSession(level="summary", watch=True) as probes:
        probes.detach()
        with connected_lab() as (_, connection), watcher() as watching:
            sides = {
                "on": partial(probed_block, watching, probes, connection, size),
                "off": partial(block, watching, signal.SIGSTOP, connection, size),
            }
            return pair_ratios(sides, rounds)


MEASURES: dict[Detail, Callable[[int, int], list[float]]] = {"sample": measure_sample, "causes": measure_causes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detail", choices=BOUNDS, help="the only detail to measure")
    parser.add_argument("--size", type=int, choices=BOUNDS["sample"], help="the only size of sends, in bytes")
    parser.add_argument("--connections", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=9, help="rounds on each connection (%(default)s)")
    options = parser.parse_args()
    print(f"goodput watched / unwatched, n = {options.rounds} rounds on each of {options.connections} connections")
    for detail in [options.detail] if options.detail else BOUNDS:
        for size in [options.size] if options.size else BOUNDS[detail]:
            ratios = on_connections(options.connections, partial(MEASURES[detail], size, options.rounds))
            print(describe(f"attach, {detail}", size, BOUNDS[detail][size], ratios), flush=True)


if __name__ == "__main__":
    main()
