# SPDX-License-Identifier: GPL-2.0-only
"""A current folder, PYTHONPATH and user site full of modules named like everything that zcprobe imports.

Each module, and each program with the name of a program that zcprobe runs, records its name when it is executed; none
may be. The installed script runs every verb there as root; a verb without a command in this file is a finding.
"""

import argparse
import importlib.metadata
import os
import random
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from zcprobe.cli.parser import make_parser

SHORT = 1
LONG = 8

_SCRIPT = Path(sys.executable).parent / "zcprobe"
_PROGRAMS = (
    "ip",
    "tc",
    "modprobe",
    "ldconfig",
    "gcc",
    "cc",
    "ld",
    "uname",
    "clang",
    "objdump",
    "latex",
    "python",
    "python3",
)
_HEADERS = ("linux/types.h", "linux/bpf.h", "uapi/linux/bpf.h", "linux/kconfig.h", "stddef.h")
_TIMEOUT_S = 50.0


def _module_names() -> list[str]:
    """Names of modules in the standard library, of all installed packages, and of those that Python looks for at its
    start."""
    installed = importlib.metadata.packages_distributions()
    names = {*sys.stdlib_module_names, *installed, "zcprobe", "bcc", "sitecustomize", "usercustomize"}
    return sorted(name for name in names if name.isidentifier())


def _write_modules(folder: Path, canary: Path) -> None:
    for name in _module_names():
        place = folder / f"{name}.py"
        place.write_text(f"with open({str(canary)!r}, 'a') as file:\n    file.write({str(place)!r} + '\\n')\n")


def _write_folder(folder: Path, canary: Path) -> None:
    """Other files that are looked up by relative names: programs, headers, settings that change figures."""
    _write_modules(folder, canary)
    for name in _PROGRAMS:
        (folder / name).write_text(f"#!/bin/sh\necho {folder / name} >>{canary}\n")
        (folder / name).chmod(0o755)
    for name in _HEADERS:
        for place in (folder / "include" / name, folder / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("#error the current folder was included\n")
    (folder / "matplotlibrc").write_text("axes.facecolor: red\ntext.usetex: True\n")


def _environment(folder: Path, site: Path, canary: Path, choice: random.Random) -> dict[str, str]:
    """An environment in which PYTHONPATH names the folder, in one of the ways that occur in practice."""
    startup = folder / "startup.py"
    startup.write_text(f"open({str(canary)!r}, 'a').write('PYTHONSTARTUP\\n')\n")
    return {
        **os.environ,
        "HOME": str(site),
        "PYTHONUSERBASE": str(site / ".local"),
        "PYTHONPATH": choice.choice([str(folder), ":", ".", f"/usr/lib/none:{folder}", ":/usr/lib/none"]),
        "PYTHONSTARTUP": str(startup),
    }


_ANSWERED = Path(__file__).parents[1] / "data" / "version_3" / "answered"


def _commands(port: int, number: int) -> dict[str, tuple[str, ...]]:
    """Verb -> its words; those that read run folders come after those that make them. A comparison's own report takes
    long, and is left to the rounds after the first."""
    small = ("--scenario", "in-order", "-n", "101")
    comparison = (*small, "--policies", "qemu-pre,qemu-merged", "--repeats", "1", "--overhead", "0", "-o", "two")
    return {
        "policies": (),
        "scenarios": (),
        "probes": (),
        "doctor": (),
        "run": (*small, "-o", "one"),
        "compare": comparison if number else (*comparison, "--no-report"),
        "campaign": ("/dev/null", "--dry-run"),
        "report": ("one/*", "-o", "report.html"),
        "plot": ("one/*", "-o", "figure.svg"),
        "export": ("one/*", "--format", "csv"),
        "attach": ("--detail", "causes", "-o", "watched", "--", "sleep", "1"),
        "live": ("--detail", "causes", "--", "sleep", "1"),
        "index": ("one",),
        "answer": (str(_ANSWERED), "Q12", "-o", "."),
        "predict": ("-l", "64K", "--bandwidth", "10G", "--delay", "1ms"),
        "overhead": ("-l", "64K", "--rounds", "1"),
        "sink": ("-1", "-B", "127.0.0.1", "-p", str(port)),
    }


def _verbs() -> set[str]:
    actions = make_parser()._actions
    return {name for action in actions if isinstance(action, argparse._SubParsersAction) for name in action.choices}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class _Round:
    """One hostile folder, in which all commands are called."""

    def __init__(self, base: Path, choice: random.Random) -> None:
        self._folder, self._canary = base / "folder", base / "executed"
        site = base / "home" / ".local" / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
        for place in (self._folder, site):
            place.mkdir(parents=True)
        _write_folder(self._folder, self._canary)
        _write_modules(site, self._canary)
        self._environment = _environment(self._folder, base / "home", self._canary, choice)

    def _start(self, verb: str, words: tuple[str, ...]) -> "subprocess.Popen[str]":
        expanded = [
            path
            for word in words
            for path in (sorted(map(str, self._folder.glob(word))) if "*" in word else []) or [word]
        ]
        command = [str(_SCRIPT), verb, *expanded]
        if verb == "live":  # which refuses to run without a terminal
            command = ["/usr/bin/script", "-qec", shlex.join(command), "/dev/null"]
        return subprocess.Popen(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _findings(self, verb: str, process: "subprocess.Popen[str]") -> list[str]:
        """What was executed. A command that fails proves nothing, so a failure is a finding too."""
        try:
            words, _ = process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return [f"{verb}: it did not end within {_TIMEOUT_S:.0f} s"]
        executed = sorted(set(self._canary.read_text().split())) if self._canary.exists() else []
        self._canary.unlink(missing_ok=True)
        found = [f"{verb}: executed {', '.join(executed[:5])} ({len(executed)} altogether)"] if executed else []
        if process.returncode:
            found.append(f"{verb}: exit code {process.returncode}: {' '.join(words.split())[-300:]}")
        return found

    def call(self, verb: str, words: tuple[str, ...]) -> list[str]:
        return self._findings(verb, self._start(verb, words))

    def call_sink(self, words: tuple[str, ...], port: int) -> list[str]:
        """Runs a sink with a sender, so that the sink does all that it can."""
        sink = self._start("sink", words)
        try:
            assert sink.stdout is not None
            first = sink.stdout.readline()
            found = self.call("run", ("--to", f"127.0.0.1:{port}", "-n", "101", "-o", "three"))
            if found:
                return [*found, f"sink: {first.strip()}"]
            return self._findings("sink", sink)
        finally:
            sink.kill()
            sink.wait()

    def figure_findings(self) -> list[str]:
        figure = self._folder / "figure.svg"
        if figure.exists() and "#ff0000" in figure.read_text():
            return ["plot: the current folder's matplotlibrc coloured the figure"]
        return []


def attack(rounds: int, seed: int) -> list[str]:
    choice = random.Random(seed)
    port = _free_port()
    known = set(_commands(port, 0))
    found = [f"{verb}: this attack has no command for it" for verb in sorted(_verbs() ^ known)]
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as base:
            here = _Round(Path(base), choice)
            for verb, words in _commands(port, number).items():
                found += here.call_sink(words, port) if verb == "sink" else here.call(verb, words)
            found += here.figure_findings()
    return found
