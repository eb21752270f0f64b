# SPDX-License-Identifier: GPL-2.0-only
"""Faults during a run: a link goes down, processes stop, disks fill, limits are too low.

Each ends with its documented exit code, within the requested time plus 5 s, without a traceback. Two lines report a
failure. What was measured is kept, or the lines say what happened to it. Nothing is left on the host.
"""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.torture._victim import NAMESPACES, Victim, left_behind, start, whole_runs

__all__ = ["FAULTS", "Fault", "attack", "try_fault"]

SHORT = 4
LONG = 200
ALONE = True

_GRACE_S = 5.0
_START_S = 4.0
"""Time for Python, the probes and the lab to start before the requested time begins; longer on a busy machine."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """`words` of the command; `before`: words that start it. `at_traffic` makes the fault once there is traffic,
    `at_start` once there are sender and sink. `codes`: documented exit codes; `says`: texts that must all be printed;
    `kept`: whether a complete run must be there at the end, None if either is allowed."""

    name: str
    words: tuple[str, ...]
    codes: tuple[int, ...]
    asked_s: float
    says: tuple[str, ...] = ()
    kept: bool | None = False
    before: tuple[str, ...] = ()
    at_traffic: Callable[[Victim], object] | None = None
    at_start: Callable[[Victim], object] | None = None
    undo: Callable[[Victim], object] | None = None


def _link_down(victim: Victim) -> None:
    for name in victim.namespaces():
        if name.endswith("-tx"):
            subprocess.run(["ip", "-n", name, "link", "set", "tx0", "down"], check=True)


def _stop(module: str) -> Callable[[Victim], object]:
    def stop(victim: Victim) -> None:
        pid = victim.wait_for(lambda: victim.child(f"zcprobe.{module}.process"))
        if pid is not None:
            os.kill(pid, signal.SIGSTOP)

    return stop


def _move_sender(victim: Victim) -> None:
    """Does what the kernel does when the CPU goes offline."""
    for thread in Path(f"/proc/{victim.child('zcprobe.sender.process')}/task").iterdir():
        os.sched_setaffinity(int(thread.name), range(os.cpu_count() or 1))


def _remove_namespaces(victim: Victim) -> None:
    for name in victim.namespaces():
        subprocess.run(["ip", "netns", "delete", name], check=True)


def _remove_results(victim: Victim) -> None:
    shutil.rmtree(victim.results)


def _change_attribute(change: str) -> Callable[[Victim], object]:
    return lambda victim: subprocess.run(["chattr", change, victim.results], check=True)


def _remount(options: str, fill: str = ":") -> Callable[[Victim], object]:
    return lambda victim: victim.inside("sh", "-c", f"mount -o remount,{options} /run/zcprobe; {fill}")


def _shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", f'{script}; exec "$@"', "sh")


def _with_run(options: str, fill: str = ":") -> tuple[str, ...]:
    script = f"mount -t tmpfs -o mode=700,{options} none /run/zcprobe; {fill}"
    return ("unshare", "--mount", *_shell(script))


_FILL = "dd if=/dev/zero of=/run/zcprobe/fill bs=4k 2>/dev/null || true"
_RUN = ("run", "--scenario", "in-order")
_BARE = (*_RUN, "--probes", "none")
_THREE = (*_BARE, "-t", "3")
_FEW = (*_RUN, "-n", "23")
_MANY = (*_BARE, "-n", "40000")

FAULTS = (
    Fault(
        name="link-down", words=_THREE, codes=(1,), asked_s=3, at_traffic=_link_down, kept=True, says=("dead_timeout",)
    ),
    Fault(
        name="link-down-with-a-deadline",
        words=(*_BARE, "-n", "100000000", "--deadline", "4"),
        codes=(1,),
        asked_s=4,
        at_traffic=_link_down,
        kept=True,
        says=("dead_timeout",),
    ),
    Fault(
        name="sink-stopped",
        words=_THREE,
        codes=(1,),
        asked_s=3,
        at_traffic=_stop("sink"),
        kept=True,
        says=("somebody had stopped the sink process",),
    ),
    Fault(
        name="sender-stopped",
        words=_THREE,
        codes=(0,),
        asked_s=3,
        at_traffic=_stop("sender"),
        kept=True,
        says=("somebody had stopped the sender process",),
    ),
    Fault(
        name="sender-stopped-with-a-deadline",
        words=(*_BARE, "-n", "100000000", "--deadline", "4"),
        codes=(1,),
        asked_s=4,
        at_traffic=_stop("sender"),
        kept=True,
        says=("somebody had stopped the sender process",),
    ),
    Fault(
        name="sink-stopped-at-the-start", words=_THREE, codes=(1,), asked_s=3, at_start=_stop("sink"), says=("sink",)
    ),
    Fault(
        name="sender-stopped-at-the-start",
        words=_THREE,
        codes=(1,),
        asked_s=3,
        at_start=_stop("sender"),
        says=("somebody has stopped the sender process",),
    ),
    Fault(
        name="namespaces-gone",
        words=("run", "--scenario", "held-completions", "-t", "2"),
        codes=(0, 1),
        asked_s=2,
        at_traffic=_remove_namespaces,
        kept=True,
        says=("somebody removed a network namespace",),
    ),
    Fault(
        name="moved-off-its-cpu",
        words=(*_BARE, "-t", "2", "-A", "0,1"),
        codes=(0,),
        asked_s=2,
        at_traffic=_move_sender,
        kept=True,
        says=("pinned to CPU 0 at first, and not until the end",),
    ),
    Fault(name="output-removed", words=_THREE, codes=(2,), asked_s=3, at_traffic=_remove_results),
    Fault(
        name="output-immutable",
        words=_THREE,
        codes=(2,),
        asked_s=3,
        at_traffic=_change_attribute("+i"),
        undo=_change_attribute("-i"),
        says=("cannot get its name", "it is whole in"),
    ),
    Fault(
        name="output-disk-full",
        words=_MANY,
        codes=(2, 4),
        asked_s=30,
        before=("unshare", "--mount", *_shell("mkdir results; mount -t tmpfs -o size=300k none results")),
        kept=None,
    ),
    Fault(
        name="run-full", words=_FEW, codes=(3,), asked_s=1, before=_with_run("size=4k", _FILL), says=("/run/zcprobe",)
    ),
    Fault(
        name="run-read-only",
        words=_FEW,
        codes=(3,),
        asked_s=1,
        before=_with_run("size=1M", "mount -o remount,ro /run/zcprobe"),
        says=("/run/zcprobe",),
    ),
    Fault(
        name="run-full-under-way",
        words=_THREE,
        codes=(0, 2, 3),
        asked_s=3,
        before=_with_run("size=64k"),
        at_traffic=_remount("size=64k", _FILL),
        kept=True,
    ),
    *(
        Fault(
            name=f"{count}-files", words=_FEW, codes=(0, 3), asked_s=1, before=_shell(f"ulimit -n {count}"), kept=None
        )
        for count in (6, 8, 12, 16, 20, 24, 28, 32)
    ),
    *(
        Fault(
            name=f"{size}-KiB-files",
            words=_MANY,
            codes=(2, 4),
            asked_s=30,
            before=_shell(f"ulimit -f {size}"),
            kept=None,
        )
        for size in (1, 16, 64)
    ),
    *(
        Fault(
            name=f"{size}-MB-of-memory",
            words=_FEW,
            codes=(0, 3),
            asked_s=1,
            before=_shell(f"ulimit -v {size * 1000}"),
            kept=None,
        )
        for size in (60, 120, 200, 300, 400, 500, 600, 700, 800, 900)
    ),
)


def _strike(fault: Fault, victim: Victim) -> float | None:
    """When it was done, in time.monotonic(); None when the command had ended before."""
    if fault.at_start is not None:
        fault.at_start(victim)
    if fault.at_traffic is not None:
        if not victim.wait_for(victim.has_traffic):
            return None
        time.sleep(0.3)
        fault.at_traffic(victim)
    return time.monotonic()


def _wrong_words(fault: Fault, code: int, out: str, err: str) -> list[str]:
    lines = [line for line in err.splitlines() if not line.startswith("zcprobe: ending")]
    found = []
    if code not in fault.codes:
        found.append(f"exit code {code}, not {' or '.join(map(str, fault.codes))}")
    if "Traceback" in err or "Traceback" in out:
        found.append("a traceback")
    if code not in (0, 1) and (len(lines) != 2 or not lines[0].startswith("zcprobe: ")):
        found.append("not two lines")
    found += [f"does not say {words!r}" for words in fault.says if words not in out + err]
    return [f"{fault.name}: {text}: {err[-300:]!r}" for text in found]


def _wrong_runs(fault: Fault, results: Path) -> list[str]:
    runs, wrong = whole_runs(results)
    if fault.kept is not None and bool(runs) != fault.kept:
        wrong.append(f"{len(runs)} whole runs are kept")
    return [f"{fault.name}: {text}" for text in wrong]


def try_fault(fault: Fault) -> list[str]:
    """What went wrong; empty if nothing did."""
    before = left_behind(set())
    with tempfile.TemporaryDirectory() as name, start(fault.words, Path(name), fault.before) as victim:
        struck_s = _strike(fault, victim)
        if struck_s is None:
            return [f"{fault.name}: no traffic: {victim.process.communicate()[1][-300:]!r}"]
        out, err = victim.process.communicate()
        took_s = time.monotonic() - struck_s
        found = _wrong_words(fault, victim.process.returncode, out.decode(), err.decode())
        slack_s = _GRACE_S if fault.at_traffic else _GRACE_S + _START_S * (1 + os.getloadavg()[0] / 2)
        if took_s > fault.asked_s + slack_s:
            found.append(f"{fault.name}: took {took_s:.1f} s, where {fault.asked_s:g} and {slack_s:.1f} s are allowed")
        if fault.undo is not None:
            fault.undo(victim)
        found += _wrong_runs(fault, victim.results)
        found += [f"{fault.name}: left {thing}" for thing in sorted(left_behind(before))]
    return found


def attack(rounds: int, seed: int) -> list[str]:
    """Each fault in turn, in an order of the seed, until there were so many."""
    assert NAMESPACES.parent.is_dir()
    rng = random.Random(seed)
    found: list[str] = []
    order: list[Fault] = []
    for _ in range(rounds):
        order = order or rng.sample(FAULTS, len(FAULTS))
        found += try_fault(order.pop())
    return found
