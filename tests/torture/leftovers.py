# SPDX-License-Identifier: GPL-2.0-only
"""A command is ended at a random moment with its lab open, by SIGKILL and by every signal that asks it to end.

After SIGKILL and `zcprobe doctor --clean`, and after each other signal without it, everything that a run makes on the
host is as it was before: namespaces, links, qdiscs, BPF programs, maps and links, pins, sysctls, processes, mounts,
journals, folders and temporary files. Things of others with similar names are still there, untouched. Runs that were
finished by then can be loaded.

A round is one SIGKILL. For every five rounds each of the other signals is sent twice.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.torture._bpf import pin_foreign_map
from tests.torture._inventory import differences, take_inventory

SHORT = 2
LONG = 500
ALONE = True  # things that others make at the same time would look like leftovers

_TREE = Path(__file__).parents[2]
_ASKED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_OPEN_S = 30.0
_END_S = 40.0
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("run", "--scenario", "held-completions", "-t", "5"),
    ("run", "--scenario", "in-flight", "-t", "5", "--probes", "none"),
    ("compare", "--scenario", "in-order", "-n", "101", "--probes", "none", "--policies", "qemu-pre,qemu-merged"),
    ("run", "--scenario", "memlock", "-n", "3001", "-P", "3", "--probes", "none"),
    ("compare", "--scenario", "held-completions", "-n", "503", "--repeats", "2", "--policies", "qemu-pre,qemu-merged"),
    ("run", "--scenario", "slow-reader", "-t", "3", "--probe-level", "summary"),
)


def _run_words(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextmanager
def _namespace(name: str) -> Iterator[None]:
    _run_words("ip", "netns", "add", name)
    try:
        yield
    finally:
        _run_words("ip", "netns", "del", name)


@contextmanager
def _pin(path: Path) -> Iterator[None]:
    pin_foreign_map(path)
    try:
        yield
    finally:
        path.unlink()


@contextmanager
def _links() -> Iterator[None]:
    """Links of the host with names like those of a lab; links left by a killed attack serve as well."""
    if not Path("/sys/class/net/tx0").exists():
        _run_words("ip", "link", "add", "tx0", "type", "veth", "peer", "name", "rx0")
    try:
        yield
    finally:
        _run_words("ip", "link", "del", "tx0")


@contextmanager
def _process() -> Iterator[None]:
    sleeper = shutil.which("sleep")
    assert sleeper is not None
    process = subprocess.Popen(["zcprobe.sender.process", "86400"], executable=sleeper)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _namesakes(folder: Path) -> Iterator[None]:
    """Things of others with names like ours."""
    with ExitStack() as stack:
        for side in ("tx", "rx"):
            stack.enter_context(_namespace(f"zcprobe-foreign{os.getpid()}-{side}"))
        stack.enter_context(_links())
        stack.enter_context(_process())
        if Path("/sys/fs/bpf").is_mount():
            stack.enter_context(_pin(Path(f"/sys/fs/bpf/zcprobe-foreign{os.getpid()}")))
        (folder / ".20260101T000000Z-in-order-qemu-pre-abcdef.partial").mkdir()
        (folder / ".zcprobe-0123456789abcdef.partial").write_text("somebody's")
        yield


class _Host:
    """The folder in which the commands run, and the state of the host before the first one."""

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self.temporary = folder / "tmp"
        self.home = folder / "home"
        for made in (self.results, self.temporary, self.home):
            made.mkdir()

    def start(self, words: tuple[str, ...]) -> subprocess.Popen[str]:
        # the home has no cache of matplotlib: making one is part of what is interrupted
        environment = {**os.environ, "PYTHONPATH": str(_TREE), "TMPDIR": str(self.temporary), "HOME": str(self.home)}
        return subprocess.Popen(
            [sys.executable, "-m", "zcprobe", *words, "-o", str(self.results)],
            cwd=self.home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def kept(self) -> list[Path]:
        return [path.parent for path in self.results.rglob("run.json") if ".partial" not in str(path)]

    def remove_kept(self) -> None:
        for path in self.results.iterdir():
            if not path.name.startswith("."):
                shutil.rmtree(path)


def _wait_for_lab(process: subprocess.Popen[str]) -> bool:
    """Whether a namespace of the command's is there: one whose journal names its process."""
    deadline = time.monotonic() + _OPEN_S
    while time.monotonic() < deadline and process.poll() is None:
        for path in Path("/run/zcprobe").glob("*.json"):
            with suppress(OSError):
                text = path.read_text()
                if f'"pid":{process.pid},' in text and Path(f"/run/netns/zcprobe-{path.stem}-tx").exists():
                    return True
        time.sleep(0.002)
    return False


def _end(process: subprocess.Popen[str], number: int, choices: random.Random) -> tuple[str, str] | None:
    """Its stdout and stderr; None when it did not end."""
    time.sleep(choices.random() ** 2 * 3)
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        return process.communicate(timeout=_END_S)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate()
        return None


def _unreadable(host: _Host) -> list[str]:
    import zcprobe

    findings = []
    for folder in host.kept():
        try:
            _ = zcprobe.load(folder).sends
        except Exception as error:
            findings.append(f"{folder.name} cannot be loaded: {type(error).__name__} {error}")
    return findings


def _missing(host: _Host, told: str) -> list[str]:
    """Runs that a comparison reported and that do not exist."""
    finished, there = told.count(" repeat "), len(host.kept())
    return [f"{finished} runs were finished, {there} are there"] if there < finished else []


def _clean(host: _Host) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "zcprobe", "doctor", "--clean"],
        env={**os.environ, "PYTHONPATH": str(_TREE)}, cwd=host.home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return [] if done.returncode == 0 else [f"doctor --clean: {done.returncode}: {done.stderr[-500:]}"]


def _round(host: _Host, number: int, words: tuple[str, ...], choices: random.Random) -> list[str]:
    process = host.start(words)
    is_open = _wait_for_lab(process)
    said = _end(process, number, choices)
    if not is_open:
        return [f"no lab was opened: {said}"]
    if said is None:
        return [f"it did not end within {_END_S:g} s"]
    if number == signal.SIGKILL:
        return _clean(host)
    findings = [] if "Traceback" not in said[1] else [f"a traceback: {said[1][-700:]}"]
    if process.returncode not in (-number, 0, 1):
        findings.append(f"it ended with {process.returncode}: {said[1][-500:]}")
    return [*findings, *_missing(host, said[1])]


def attack(rounds: int, seed: int) -> list[str]:
    choices = random.Random(seed)
    endings = [int(signal.SIGKILL)] * rounds + [int(number) for number in _ASKED] * max(rounds * 2 // 5, 1)
    choices.shuffle(endings)
    findings: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="zctorture-leftovers-"))
    try:
        host = _Host(folder)
        with _namesakes(host.results):
            _clean(host)
            before = take_inventory(host.results, host.temporary)
            for turn, number in enumerate(endings):
                words = choices.choice(_COMMANDS)
                found = _round(host, number, words, choices)
                found += _unreadable(host)
                host.remove_kept()
                found += differences(before, host.results, host.temporary)
                findings += [f"turn {turn}, {signal.Signals(number).name}, {' '.join(words)}: {text}" for text in found]
                if found:
                    _clean(host)
                    before = take_inventory(host.results, host.temporary)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return findings
