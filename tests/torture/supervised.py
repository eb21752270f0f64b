# SPDX-License-Identifier: GPL-2.0-only
"""One attack in a separate process, with its own /run/netns, /run/zcprobe and temporary folder, and a time limit."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from tests.torture.kinds import Kind

__all__ = ["Outcome", "run_attack"]

_ROOT = Path(__file__).parents[2]
_GRACE_S = 5.0
_LOOK_S = 0.2
_OWN_PLACES = (
    "mkdir -p /run/netns /run/zcprobe && mount -t tmpfs none /run/netns && mount -t tmpfs none /run/zcprobe"
    ' && exec "$@"'
)


class Outcome(msgspec.Struct, frozen=True):
    findings: list[str]
    duration_s: float


def _start(kind: Kind, rounds: int, seed: int, folder: Path) -> "subprocess.Popen[bytes]":
    """The mounts of the attack are private, so it and other runs on this host do not see each other's folders in
    /run."""
    words = [sys.executable, "-m", "tests.torture.attack_process", str(kind.path), str(rounds), str(seed), str(folder)]
    with (folder / "output").open("wb") as output:
        return subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _OWN_PLACES, "sh", *words],
            cwd=_ROOT,
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(process: "subprocess.Popen[bytes]", limit_s: float, stopped: threading.Event) -> str | None:
    """What is wrong with how it ended. It is asked to end after `limit_s`, and killed a moment later."""
    ends_s = time.monotonic() + limit_s
    while time.monotonic() < ends_s and not stopped.is_set():
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(_LOOK_S)
            return None if code == 0 else f"the attack itself ended with code {code}"
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    process.kill()
    process.wait()
    return "the attack was interrupted" if stopped.is_set() else f"the attack did not end within {limit_s:.0f} s"


def _findings(folder: Path, wrong: str | None) -> list[str]:
    """The findings that the attack wrote down; if it did not end well, also how it ended, with its last line."""
    result = folder / "findings.json"
    found: list[str] = json.loads(result.read_bytes()) if result.exists() else []
    if wrong is None and not result.exists():
        wrong = "the attack ended without a result"
    if wrong is not None:
        last = (folder / "output").read_text(errors="replace").strip().splitlines()[-1:]
        found.append(": ".join([wrong, *last]))
    return found


def run_attack(kind: Kind, rounds: int, seed: int, limit_s: float, stopped: threading.Event) -> Outcome:
    """Runs the attack until it ends, `limit_s` have passed or it is `stopped`; no process of it is left afterwards.

    Returns its findings, and one more if it did not end well or left processes.
    """
    if limit_s <= 0 or stopped.is_set():
        return Outcome(["there was no time left for it"], 0.0)
    began_s = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="zcprobe-torture-"))
    try:
        (folder / "tmp").mkdir()
        folder.chmod(0o755)  # some attackers are other users
        (folder / "tmp").chmod(0o1777)
        process = _start(kind, rounds, seed, folder)
        try:
            wrong = _wait(process, limit_s, stopped)
        finally:
            process.kill()
            process.wait()
        return Outcome(_findings(folder, wrong), time.monotonic() - began_s)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
