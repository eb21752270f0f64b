# SPDX-License-Identifier: GPL-2.0-only
"""A migration whose threads cannot all be started, in a separate process with its own limit."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another user's limits need root")

SCRIPT = """
import errno, os, resource, socket, sys
from zcprobe.config import RunConfig
from zcprobe.host.zerocopy import SO_ZEROCOPY
from zcprobe.native import ffi, lib
from zcprobe.native.settings import fill_channel_config, fill_traffic
from zcprobe.workloads import Traffic

COUNT, threads = 8, int(sys.argv[1])
server = socket.create_server(("127.0.0.1", 0))
pairs = [(socket.create_connection(server.getsockname()), server.accept()[0]) for _ in range(COUNT)]
# headers alone, and at the end of its round each channel waits for the others
traffic = Traffic(model="migration", guest_bytes=COUNT * 4096, zero_percent=100, max_rounds=2, header_bytes=24)
asked = RunConfig(channels=COUNT, traffic=traffic)
os.setresuid(65534, 65534, 65534)
resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))
for _ in range(31):
    channels, results = ffi.new("struct zc_channel_config[]", COUNT), ffi.new("struct zc_result[]", COUNT)
    wanted = ffi.new("struct zc_traffic *")
    fill_traffic(wanted, asked)
    for channel, (sender, _) in zip(channels, pairs):
        fill_channel_config(channel, asked, "sticky")
        channel.fd, channel.buffer_fd = sender.fileno(), -1
    assert lib.zc_sender_run(channels, results, COUNT, wanted) == -errno.EAGAIN
    while len(os.listdir("/proc/self/task")) > 1:  # joined, but the kernel still takes a moment
        pass
"""


@pytest.mark.parametrize("threads", [3, 5])
def test_channels_do_not_wait_for_one_that_could_not_start(threads: int) -> None:
    words = [sys.executable, "-c", SCRIPT, str(threads)]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
