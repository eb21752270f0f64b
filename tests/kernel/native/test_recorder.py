# SPDX-License-Identifier: GPL-2.0-only
"""Recorders and channels that cannot get memory, a thread or files; each test runs them in a separate process."""

import os
import socket
import subprocess
import sys
import textwrap

import pytest

from zcprobe.channel import ZeroCopyChannel
from zcprobe.errors import HostError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="another user's limits need root")

SCRIPT = """
import os, resource, socket, sys, tempfile
from zcprobe.overhead.connection import recording
from zcprobe.channel import ZeroCopyChannel
from zcprobe.errors import HostError
from zcprobe.format.tables import SENDER_TABLES
from zcprobe.handover import hand_files
from types import SimpleNamespace
from zcprobe.sender.spools import open_recorder, take_files_of

def channel():
    with ZeroCopyChannel(connection):
        pass

def block():
    with recording():
        pass

def sender():
    ours, theirs = socket.socketpair()
    with ours:
        hand_files(ours, spools)
        config = SimpleNamespace(channels=1, record=True)
        task = SimpleNamespace(files_fd=theirs.detach(), counters_shared=False, config=config)
        open_recorder(take_files_of(task).spools[0], 1 << 20).close()

def address_space():
    (pages,) = (int(word) for word in open("/proc/self/statm").read().split()[:1])
    return pages * resource.getpagesize() + (1 << 20)

def descriptors():
    return max(map(int, os.listdir("/proc/self/fd"))) + 5

def no_thread():
    os.setresuid(65534, 65534, 65534)
    return 0

def here():
    return sorted(os.listdir("/proc/self/fd")), sorted(os.listdir("/proc/self/task"))

server = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(server.getsockname())
folder = tempfile.mkdtemp()
os.chmod(folder, 0o777)
opens, limit, count = globals()[sys.argv[1]], getattr(resource, sys.argv[2]), globals()[sys.argv[3]]
spools = [os.open(f"{folder}/{number}", os.O_WRONLY | os.O_CREAT) for number in range(len(SENDER_TABLES))]
before = here()
resource.setrlimit(limit, (count(), resource.getrlimit(limit)[1]))
try:
    opens()
except HostError as error:
    print(error, error.hint, sep="\\n")
else:
    sys.exit("it was opened")
assert here() == before, (here(), before)
"""

NO_MEMORY = "the recorder cannot start: Cannot allocate memory"
NO_THREAD = "the recorder cannot start: Resource temporarily unavailable"
REFUSALS = {
    # what the allocator has left decides what is refused: records, or the stack of a thread, which glibc calls EAGAIN
    "RLIMIT_AS": ("address_space", (NO_MEMORY, NO_THREAD), "free some memory"),
    "RLIMIT_NPROC": ("no_thread", (NO_THREAD,), "(ulimit -v, -u)"),
    "RLIMIT_NOFILE": ("descriptors", ("a file for records cannot be opened: Too many open files",), "ulimit -n"),
}


HANDED = "the files for records cannot be received: Too many open files"
"""The message of a sender whose files the command opens."""


@pytest.mark.parametrize("limit", REFUSALS)
@pytest.mark.parametrize("opens", ["channel", "block", "sender"])
def test_what_cannot_be_had_is_named_and_nothing_stays_open(opens: str, limit: str) -> None:
    count, what, to_do = REFUSALS[limit]
    words = [sys.executable, "-c", textwrap.dedent(SCRIPT), opens, limit, count]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    said, hint = result.stdout.splitlines()
    assert said in ((HANDED,) if (opens, limit) == ("sender", "RLIMIT_NOFILE") else what)
    assert to_do in hint


def test_a_channel_that_the_core_does_not_open_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """A channel without a policy opens no file."""
    monkeypatch.setattr("zcprobe.channel.fill_channel_config", lambda *words: None)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as connection:
        before = sorted(os.listdir("/proc/self/fd"))
        with pytest.raises(HostError, match="the channel cannot be opened: Invalid argument"):
            ZeroCopyChannel(connection)
        assert sorted(os.listdir("/proc/self/fd")) == before
