# SPDX-License-Identifier: GPL-2.0-only
"""Very many descriptors, and very many attachments: looks stay short, and nothing is left behind."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import read_host_state
from tests.kernel.attach.conftest import Start
from zcprobe.attach.sampler import Sampler
from zcprobe.attach.selection import Selection
from zcprobe.attach.watched import WatchedProcesses
from zcprobe.probes.iterators import SocketIterators

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

DESCRIPTORS = 10_000
LONGEST_NS = 20_000_000
LOOKS = 23
ATTACHMENTS = 1000
LOADS = 20
ROUNDS = 3
GROWTH_BYTES = 4 << 20

HOLD_MANY = f"""
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS + 100}, {DESCRIPTORS + 100}))
kept = [socket.socket(kind) for kind in (socket.AF_INET, socket.AF_UNIX) for _ in range({DESCRIPTORS // 2})]
kept[0].setsockopt(socket.SOL_SOCKET, 60, 1)
print(kept[0].fileno(), flush=True)
input()
"""


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_look_at_ten_thousand_descriptors_is_short(iterators: SocketIterators) -> None:
    """In time of the processor, and the shortest of some looks: others use processors and caches too."""
    words = [sys.executable, "-c", HOLD_MANY]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        fd = int(process.stdout.readline())
        with WatchedProcesses(Selection(pids=(process.pid,)), iterators) as processes:
            sampler = Sampler(processes, lambda: 0, None)
            taken = {}
            for every in (True, False):
                looks = []
                for _ in range(LOOKS):
                    began_ns = time.thread_time_ns()
                    sampler.look(every=every)
                    looks.append(time.thread_time_ns() - began_ns)
                taken[every] = min(looks)
            assert [one.look.fd for one in sampler.sockets.values()] == [fd]
            assert sampler.other_counts == {"tcp": DESCRIPTORS // 2 - 1, "unix": DESCRIPTORS // 2}
        process.communicate(b"\n")
    assert max(taken.values()) < LONGEST_NS, taken


def require_no_growth(once: Callable[[], None], few: int, many: int) -> None:
    """After a few times, which fill caches, many more leave no descriptor behind and take no more memory. What leaks
    grows in each round; the heap of the compiler, which others have left in pieces, settles after some."""

    def repeat(times: int) -> tuple[int, int]:
        for _ in range(times):
            once()
        gc.collect()
        return descriptors(), resident_bytes()

    before = repeat(few)
    grown = []
    for _ in range(ROUNDS):
        after = repeat(many)
        assert after[0] == before[0]
        grown.append(after[1] - before[1])
        if grown[-1] < GROWTH_BYTES:
            return
        before = after
    pytest.fail(f"memory grew in each of {ROUNDS} rounds: {grown} bytes")


def test_attaching_again_and_again_leaves_nothing(iterators: SocketIterators, start: Start) -> None:
    puppet = start()
    puppet.do("open", "a")
    before = read_host_state()

    def attach() -> None:
        with WatchedProcesses(Selection(pids=(puppet.pid,)), iterators) as processes:
            sampler = Sampler(processes, lambda: 0, None)
            sampler.look(every=True)
            assert len(sampler.sockets) == 1

    require_no_growth(attach, ATTACHMENTS // 10, ATTACHMENTS)
    assert read_host_state().new_since(before) == {}


def test_loading_again_and_again_leaves_nothing() -> None:
    require_no_growth(lambda: SocketIterators().close(), LOADS // 4, LOADS)
