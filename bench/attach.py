# SPDX-License-Identifier: GPL-2.0-only
"""What being watched costs a sender: its goodput while `zcprobe attach` looks at it ten times a second / unwatched.

    .venv/bin/python bench/attach.py [--connections 7] [--rounds 9]

Needs root and an otherwise idle machine. The watcher runs all the time and is stopped (SIGSTOP) during the blocks
without it, so blocks with and without it alternate on the same connection. Prints the median ratio and its 95 %
bootstrap interval.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from connection import describe, on_connections, pair_ratios

from zcprobe.native import ffi
from zcprobe.overhead.connection import connected_lab, send_block

BOUND = 0.99
SIZES = (4096, 65536)


@contextmanager
def watcher() -> Iterator["subprocess.Popen[str]"]:
    """A process that watches this one, once it has printed its first sample."""
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


def measure(size: int, rounds: int) -> list[float]:
    with connected_lab() as (_, connection), watcher() as watching:
        sides = {
            "on": partial(block, watching, signal.SIGCONT, connection, size),
            "off": partial(block, watching, signal.SIGSTOP, connection, size),
        }
        return pair_ratios(sides, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=9, help="rounds on each connection (%(default)s)")
    options = parser.parse_args()
    print(f"goodput watched / unwatched, n = {options.rounds} rounds on each of {options.connections} connections")
    for size in SIZES:
        ratios = on_connections(options.connections, partial(measure, size, options.rounds))
        print(describe("attach, sample", size, BOUND, ratios), flush=True)


if __name__ == "__main__":
    main()
