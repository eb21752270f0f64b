# SPDX-License-Identifier: GPL-2.0-only
"""Standard streams that are closed, full or without a reader, and a terminal that closes during a run.

No run is lost, the exit code is a documented one, and nothing that was meant for a stream gets into a file of the run.
"""

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.torture._victim import Victim, left_behind, start, whole_runs

SHORT = 5
LONG = 200

_RUN = ("run", "--scenario", "in-order", "-n", "23", "--probes", "none")
_VERBS = (
    (_RUN, True),
    ((*_RUN, "-J"), True),
    (("run", "--scenario", "in-order", "-n", "23"), True),
    (("compare", *_RUN[1:], "--policies", "qemu-merged", "--repeats", "1", "--overhead", "0", "--no-report"), True),
    (("policies",), False),
    (("run", "-l", "0"), False),
    (("report", "nowhere"), False),
)
"""A command, and whether it makes a run."""

_CODES = {0, 2}
_HANG_UPS_IN = 6


def _closed(rng: random.Random) -> tuple[str, ...]:
    """Words that start the command with some of its streams closed or full."""
    ways = {0: ("0<&-", ""), 1: ("1>&-", "1>/dev/full", ""), 2: ("2>&-", "2>/dev/full", "")}
    return ("sh", "-c", " ".join(['exec "$@"', *(rng.choice(ways[number]) for number in ways)]), "sh")


def _without_reader() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def _wrong(words: tuple[str, ...], code: int | None, err: bytes, folder: Path, *, makes_run: bool) -> list[str]:
    found = []
    if code not in _CODES:
        found.append(f"exit code {code}")
    if b"Traceback" in err:
        found.append("a traceback")
    runs, damaged = whole_runs(folder / "results")
    found += damaged
    if makes_run and len(runs) != 1:
        found.append(f"{len(runs)} runs are kept")
    for path in (folder / "results").rglob("*"):
        if path.is_file() and (b"zcprobe: " in path.read_bytes() or b"Traceback" in path.read_bytes()):
            found.append(f"{path.name} has what was said")
    return [f"{' '.join(words)}: {text}: {err[-300:]!r}" for text in found]


def _one(rng: random.Random) -> list[str]:
    words, makes_run = rng.choice(_VERBS)
    pipes = [number for number in (1, 2) if rng.random() < 0.3]
    before = () if pipes else _closed(rng)
    streams: dict[str, Any] = {("stdout", "stderr")[number - 1]: _without_reader() for number in pipes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with start(words, folder, before, **streams) as victim:
                _, err = victim.process.communicate(timeout=120)
        finally:
            for descriptor in streams.values():
                os.close(descriptor)
        told = (
            f" with {before[2]!r}, pipes without a reader {pipes}"
            if before
            else f" with pipes without a reader {pipes}"
        )
        return [
            text + told for text in _wrong(words, victim.process.returncode, err or b"", folder, makes_run=makes_run)
        ]


def _hang_up() -> list[str]:
    """A terminal that closes while a run is made: it is kept, and the command dies of SIGHUP."""
    master, slave = os.openpty()
    before = ("setsid", "--ctty", "sh", "-c", 'exec "$@"', "sh")
    words = ("run", "--scenario", "in-order", "-t", "20")
    with tempfile.TemporaryDirectory() as name:
        streams = {"stdin": slave, "stdout": slave, "stderr": slave}
        with start(words, Path(name), before, **streams) as victim:
            os.close(slave)
            try:
                return _closed_under_way(victim, master)
            except subprocess.TimeoutExpired:
                return ["a terminal closed and the command goes on"]


def _closed_under_way(victim: Victim, master: int) -> list[str]:
    began = victim.wait_for(victim.has_traffic)
    time.sleep(0.2)
    os.close(master)
    code = victim.process.wait(30)
    runs, found = whole_runs(victim.results)
    if not began:
        found.append("no traffic")
    if code != -signal.SIGHUP:
        found.append(f"exit code {code}, not death by SIGHUP")
    if len(runs) != 1:
        found.append(f"{len(runs)} runs are kept")
    return [f"a terminal that closes: {text}" for text in found]


def _early(rng: random.Random) -> list[str]:
    """A signal in the first moments. Before zcprobe's first line Python itself answers a SIGINT with a traceback."""
    number = rng.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT))
    delay_s = rng.uniform(0.0, 0.4)
    with tempfile.TemporaryDirectory() as name, start(("policies",), Path(name)) as victim:
        time.sleep(delay_s)
        victim.process.send_signal(number)
        _, err = victim.process.communicate(timeout=60)
    told = f"signal {number} after {delay_s:.3f} s: {err[-300:]!r}"
    if b"zcprobe/cli" in err:
        return [f"a traceback out of zcprobe, {told}"]
    is_pythons_own = number == signal.SIGINT and b"KeyboardInterrupt" in err
    return [] if victim.process.returncode in (0, -number) or is_pythons_own else [f"no death by it, {told}"]


def attack(rounds: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    before = left_behind(set())
    found: list[str] = []
    for number in range(rounds):
        found += _hang_up() if number % _HANG_UPS_IN == 0 else _one(rng)
        found += _early(rng)
    return found + [f"left {thing}" for thing in sorted(left_behind(before))]
