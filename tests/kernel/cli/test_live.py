# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe live on a terminal: keys, a run folder, the end, and a terminal that nobody reads."""

import array
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.attach.conftest import Puppet, Start, start  # noqa: F401  # a fixture
from zcprobe.dataset.load import Attachment, load

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

Command = Callable[..., "subprocess.CompletedProcess[str]"]
PRIME = 101
_DEADLINE_S = 60.0
_TERMINAL_BYTES = 4000
"""What a terminal that nobody reads takes at least before who writes to it has to wait."""

NO_SETTINGS = {"TEXTUAL_DRIVER": "no.such.module:Driver"}
"""A variable of textual, which must have no effect."""


class Terminal:
    """`zcprobe live` on a terminal of 80 by 24; its stdout is a pipe."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "zcprobe", "live", *words],
            cwd=folder,
            env={**os.environ, "TERM": "xterm-256color", **NO_SETTINGS},
            stdin=slave,
            stderr=slave,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def read(self) -> None:
        if select.select([self._master], [], [], 0.1)[0]:
            try:
                self.text += os.read(self._master, 1 << 16).decode(errors="replace")
            except OSError:  # EIO: nobody has the terminal open any more
                time.sleep(0.1)

    def until(self, words: str) -> None:
        """Reads until the words appear after all that was read before."""
        begin, deadline = len(self.text), time.monotonic() + _DEADLINE_S
        while words not in self.text[begin:]:
            assert time.monotonic() < deadline, self.text[begin:][-4000:]
            assert self.process.poll() is None, self.text[begin:][-4000:]
            self.read()

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def unread_bytes(self) -> int:
        pending = array.array("i", [0])
        fcntl.ioctl(self._master, termios.FIONREAD, pending)
        return pending[0]

    def end(self) -> str:
        """Reads the terminal until the process has ended. Returns its stdout."""
        deadline = time.monotonic() + _DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text[-2000:]
            self.read()
        return self.process.communicate()[0]

    def hang_up(self) -> None:
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        if self._master >= 0:
            os.close(self._master)


NO_ROOM = (
    "unshare",
    "--net",
    "sh",
    "-ec",
    'ip link set lo up; echo 500 >/proc/sys/net/core/optmem_max; exec "$@"',
    "sh",
)
"""Words before a command that give it a network namespace in which optmem has no room for a notification."""


@pytest.fixture
def puppet(start: Start, request: pytest.FixtureRequest) -> Puppet:  # noqa: F811
    made = start(*getattr(request, "param", ()))
    made.do("open", "a")
    return made


@pytest.fixture
def live(puppet: Puppet, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts it on the puppet, and waits for its socket to appear."""
    opened: list[Terminal] = []

    def begin(*words: str) -> Terminal:
        terminal = Terminal(tmp_path, "-p", str(puppet.pid), *words)
        opened.append(terminal)
        terminal.until("127.0.0.1:")
        return terminal

    yield begin
    for terminal in opened:
        terminal.close()


def test_rows_appear_and_what_is_saved_can_be_loaded(
    puppet: Puppet, live: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = live("-o", "kept", "0.2")
    puppet.send("a", PRIME)
    time.sleep(0.5)
    terminal.press("s")
    terminal.until("saved in kept/")
    terminal.press("q")
    told = terminal.end()
    assert terminal.process.returncode == 0
    assert "cannot-be-zerocopy: On the TCP socket to 127.0.0.1:" in told
    assert f" {PRIME} " in next(line for line in told.splitlines() if "127.0.0.1:" in line)
    assert max(map(len, told.splitlines())) < 80
    (folder,) = (tmp_path / "kept").iterdir()
    run = load(folder)
    assert isinstance(run, Attachment)
    assert run.meta.complete
    assert run.samples["sends"].sum() == run.kernel.sockets[0].sends == PRIME
    assert "cannot-be-zerocopy" in {finding.id for finding in run.findings}


@pytest.mark.parametrize("puppet", [NO_ROOM], indirect=True, ids=["no room"])
def test_refused_calls_are_in_the_log_with_detail_causes(puppet: Puppet, live: Callable[..., Terminal]) -> None:
    terminal = live("--detail", "causes", "1")
    assert puppet.send("a", PRIME) == 0
    terminal.until(f"ENOBUFS {PRIME} times ({PRIME} optmem): fd ")
    terminal.press("\x03")  # the key Ctrl-C
    assert "limit-too-small" in terminal.end()
    assert terminal.process.returncode == 0


def test_a_terminal_that_nobody_reads_delays_nothing(
    puppet: Puppet, live: Callable[..., Terminal], tmp_path: Path
) -> None:
    terminal = live("-o", "kept", "0.1")
    end_s, sent = time.monotonic() + 2, 0
    while time.monotonic() < end_s:
        terminal.press("g")  # which draws the whole screen anew
        sent += puppet.send("a", 1)
        time.sleep(0.05)
    assert terminal.unread_bytes() >= _TERMINAL_BYTES  # so the screen waits
    terminal.press("s")
    terminal.until("by USED  saved")  # in the first line, also over the graphs
    terminal.press("q")
    terminal.end()
    (folder,) = (tmp_path / "kept").iterdir()
    run = load(folder)
    assert run.samples["sends"].sum() == sent
    assert run.samples["interval_ns"].max() < 1e9
    assert len(run.samples) > 15


def test_a_signal_ends_it_with_the_summary_and_by_the_signal(live: Callable[..., Terminal]) -> None:
    terminal = live("0.2")
    terminal.process.send_signal(signal.SIGTERM)
    assert "Watched for" in terminal.end()
    assert terminal.process.returncode == -signal.SIGTERM


@pytest.mark.parametrize("is_told", [True, False], ids=["signal", "no signal"])
def test_a_terminal_that_goes_away_ends_it(is_told: bool, live: Callable[..., Terminal]) -> None:
    terminal = live("0.1")
    for _ in range(40):
        terminal.press("g")
        time.sleep(0.05)
    assert terminal.unread_bytes() >= _TERMINAL_BYTES
    terminal.hang_up()
    if is_told:
        terminal.process.send_signal(signal.SIGHUP)  # as its shell does
    assert "Watched for" in terminal.process.communicate(timeout=_DEADLINE_S)[0]
    assert terminal.process.returncode == -signal.SIGHUP


def test_it_ends_with_the_process_and_leaves_the_terminal_as_it_was(
    puppet: Puppet, live: Callable[..., Terminal]
) -> None:
    terminal = live("0.2")
    puppet.kill()
    assert "Watched for" in terminal.end()
    assert terminal.process.returncode == 0
    assert terminal.text.rindex("\x1b[?1049l") > terminal.text.rindex("\x1b[?1049h")  # the other screen is left


def test_a_command_that_it_starts_does_not_touch_the_screen(tmp_path: Path) -> None:
    code = "import sys, time; print('out of the command'); print('error of it', file=sys.stderr); input()"
    terminal = Terminal(tmp_path, "0.1", "--", sys.executable, "-c", code)
    told = terminal.end()
    assert f"{sys.executable} ended with exit code 1" in " ".join(told.split())  # input() finds the end of a file
    assert "of the command" not in terminal.text + told
    assert "error of it" not in terminal.text + told
    terminal.close()


def test_without_a_terminal_it_says_what_to_use(zcprobe: Command) -> None:
    result = zcprobe("live", "-p", "1")
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 2)
    assert "without a terminal use zcprobe attach" in result.stderr


def test_without_textual_it_says_what_to_install(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['textual'] = None; from zcprobe.cli.main import main; sys.exit(main())"
    master, slave = pty.openpty()
    try:
        process = subprocess.run(
            [sys.executable, "-c", hide, "live", "-p", "1"], stdin=slave, stderr=slave, check=False, timeout=60
        )
        told = os.read(master, 4096).decode().splitlines()
    finally:
        os.close(slave)
        os.close(master)
    assert process.returncode == 3
    assert told == [
        "zcprobe: live needs the Python package textual, which is not installed",
        "  install the extra: pip install 'zcprobe[live]'",
    ]
