# SPDX-License-Identifier: GPL-2.0-only
"""Our own sender, watched from outside while it meets ENOBUFS: its own count of sends is what attach sees."""

import os
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest

from zcprobe.attach.sampler import Sampler
from zcprobe.attach.summary import socket_summaries

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

WRITES = 4001
LIMIT_BYTES = 8192

SEND = f"""
import json, socket, sys, threading
from zcprobe.channel import ZeroCopyChannel
channel, receiver = ZeroCopyChannel.pair(sys.argv[1])
threading.Thread(target=lambda: [None for _ in iter(lambda: receiver.recv(1 << 20), b"")], daemon=True).start()
print("ready", flush=True)
input()
for _ in range({WRITES}):
    try:
        channel.writev(bytes(16384))
    except OSError:
        break
print(json.dumps(channel.counters), flush=True)
input()
"""
IN_A_SMALL_NAMESPACE = (
    *("unshare", "--net", "sh", "-ec"),
    f'ip link set lo up; echo {LIMIT_BYTES} >/proc/sys/net/core/optmem_max; exec "$@"',
    "sh",
)


@pytest.mark.parametrize("policy", ["qemu-pre", "qemu-merged", "folly", "drain-every", "wait-progress", "watermark"])
def test_sends_are_those_that_the_sender_counts(policy: str, sampler: Callable[..., Sampler]) -> None:
    words = [*IN_A_SMALL_NAMESPACE, sys.executable, "-c", SEND, policy]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        watched = sampler(pids=(process.pid,))
        process.stdin.write("\n")
        process.stdin.flush()
        counters = msgspec.json.decode(process.stdout.readline())
        watched.look()
        found = socket_summaries(watched)[0]
        process.communicate("\n")
    assert counters["send_count"] > 0
    assert found.sends == counters["send_count"]
    assert found.optmem_max_bytes == LIMIT_BYTES
    if policy == "qemu-pre":
        assert counters["enobufs_count"] == 1
