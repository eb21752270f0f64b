# SPDX-License-Identifier: GPL-2.0-only
"""Which of root's powers the processes of a run keep, seen from outside while there is traffic."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.outside import Processes, watched
from zcprobe.native.process import keep_capabilities

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is given up must have been there")

Start = Callable[..., "subprocess.Popen[str]"]

NOTHING, IPC_LOCK = 0, 1 << 14
FIELDS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "NoNewPrivs", "Seccomp")


def read_status(pid: int) -> dict[str, str]:
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {name: re.sub(r"\s+", " ", lines[name]).strip() for name in FIELDS}


def both(processes: Processes) -> tuple[dict[str, str], dict[str, str]] | None:
    return None if processes.sink is None else (read_status(processes.sender), read_status(processes.sink))


def assert_unprivileged(status: dict[str, str], capabilities: int, uid: int, gid: int) -> None:
    assert status["Uid"] == " ".join([str(uid)] * 4)
    assert status["Gid"] == " ".join([str(gid)] * 4)
    assert status["Groups"] == ""
    assert int(status["CapInh"], 16) == 0
    assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == capabilities
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("--scenario", "in-order"), IPC_LOCK),
        (("--scenario", "in-order", "-w", "16M"), IPC_LOCK),
        (("--scenario", "in-order", "--buffers", "file"), IPC_LOCK),
        (("--scenario", "memlock"), NOTHING),
        ((), IPC_LOCK),
    ],
)
@pytest.mark.parametrize(
    ("caller", "uid", "gid"), [((), 65534, 65534), (("SUDO_UID=1234", "SUDO_GID=1235"), 1234, 1235)]
)
def test_sender_and_sink_are_other_users_with_what_they_need_alone(
    caller: tuple[str, ...], uid: int, gid: int, words: tuple[str, ...], kept: int, start_zcprobe: Start
) -> None:
    """Samples the processes until they end, because at first they still enter their namespaces."""
    process = start_zcprobe("run", *words, "-t", "1", "-J", before=("env", *caller))
    seen = watched(process, look_at=both)
    assert seen.run["complete"]
    assert seen.run["sender"]["sends"] > 0
    sender, sink = seen.values[-1]
    assert_unprivileged(sender, kept, uid, gid)
    assert sender["Seccomp"] == "0"
    assert_unprivileged(sink, NOTHING, uid, gid)
    assert sink["Seccomp"] == "2"


def test_a_memlock_limit_above_the_hard_one_is_what_the_host_lacks(
    zcprobe: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    before = ("prlimit", "--memlock=65536", "setpriv", "--bounding-set=-sys_resource", "--inh-caps=-all")
    result = zcprobe("run", "--scenario", "memlock", "--probes", "none", "-J", before=before)
    assert result.returncode == 3, result.stderr
    assert result.stderr.splitlines()[0].endswith("the hard limit is 65536")
    assert result.stderr.splitlines()[1:] == ["  raise it: ulimit -l 256"]


def test_without_the_right_to_change_users_they_give_up_capabilities_alone(start_zcprobe: Start) -> None:
    bounded = ("setpriv", "--bounding-set=-setuid", "--inh-caps=-setuid")
    process = start_zcprobe("run", "--scenario", "in-order", "-t", "1", "-J", before=bounded)
    seen = watched(process, look_at=both)
    sender, sink = seen.values[-1]
    assert (sender["Uid"], sink["Uid"]) == ("0 0 0 0", "0 0 0 0")
    assert (int(sender["CapPrm"], 16), int(sink["CapPrm"], 16)) == (IPC_LOCK, NOTHING)


CALLS = """
import errno, os, socket, sys
from zcprobe.native.process import allow_only_receiving
if "confined" in sys.argv:
    allow_only_receiving()
def tried(call):
    try:
        call()
    except OSError as error:
        return error.errno == errno.ENOSYS
    return False
print(tried(lambda: os.execv("/bin/true", ["true"]) if "confined" in sys.argv else os.stat("/bin/true")),
    tried(os.fork) if "confined" in sys.argv else False,
    tried(lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR)),
    tried(lambda: os.mkdir("/proc/none")),
    tried(lambda: os.kill(os.getppid(), 0)),
    tried(lambda: os.open("/proc/self/stat", os.O_RDONLY)),
    tried(lambda: socket.create_server(("127.0.0.1", 0)).close()))
"""


@pytest.mark.parametrize("is_confined", [True, False])
def test_a_confined_process_runs_no_program_and_changes_no_file(is_confined: bool) -> None:
    words = [sys.executable, "-c", CALLS, *(["confined"] if is_confined else [])]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    denied = [is_confined] * 5
    assert result.stdout.split() == [str(value) for value in (*denied, False, False)]


def thread_capabilities(processes: Processes) -> list[int]:
    """The effective capabilities of each thread of the command."""
    texts = [path.read_text() for path in Path(f"/proc/{processes.command}/task").glob("*/status")]
    return sorted(int(line.split()[1], 16) for text in texts for line in text.splitlines() if line.startswith("CapEff"))


def test_while_it_measures_the_command_can_signal_its_children_and_its_probes_have_nothing(
    start_zcprobe: Start,
) -> None:
    process = start_zcprobe("run", "--scenario", "in-order", "-t", "1", "-J")
    seen = watched(process, look_at=thread_capabilities)
    assert seen.run["complete"]
    assert seen.run["probes"]
    # threads of numpy are started before, and keep their capabilities
    assert [NOTHING, 1 << 5] in [values[:2] for values in seen.values]


def test_a_thread_gives_up_its_own_capabilities_alone() -> None:
    found: list[int] = []

    def look() -> None:
        keep_capabilities()
        found.append(int(re.search(r"CapEff:\s+(\w+)", Path("/proc/thread-self/status").read_text())[1], 16))  # type: ignore[index]

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [0]
    assert int(read_status(os.getpid())["CapEff"], 16) != 0
