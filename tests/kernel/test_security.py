# SPDX-License-Identifier: GPL-2.0-only
"""docs/security.md is true: its table of capabilities, its recipes and its units."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.kernel.cli.test_hostile import with_capabilities
from tests.processes import listening_sink

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is taken away must have been there")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/security.md").read_text()
PORT = "5397"
SMALL = ("-n", "101", "-J")
LAB = ("run", "--scenario", "in-order", *SMALL)
REMOTE = ("run", "--to", f"127.0.0.1:{PORT}", *SMALL)
ABOVE_WMEM_MAX = str(int(Path("/proc/sys/net/core/wmem_max").read_text()) + (1 << 20))

COMMANDS: dict[str, tuple[str, ...]] = {
    "`run`, `compare`, `campaign` in namespaces of their own, `--probes none`": (*LAB, "--probes", "none"),
    "the same with probes": LAB,
    "`run --to`, with probes": REMOTE,
    "`run --to`, `--probes none`": (*REMOTE, "--probes", "none"),
    "`run --to`, `-w` above `net.core.wmem_max`": (*REMOTE, "--probes", "none", "-w", ABOVE_WMEM_MAX),
    "`attach`, `live`": ("attach", "-p", "1", "--once"),
    "`sink`": ("sink", "-1", "-B", "127.0.0.1", "-p", "5396"),
    "`sink` on a port below 1024": ("sink", "-1", "-B", "127.0.0.1", "-p", "1023"),
}
"""Row of the table -> the command that shows it."""


def rows() -> dict[str, list[str]]:
    """Rows of the table -> their capabilities."""
    table = TEXT.partition("## What needs which capability")[2].partition("\n\nCAP_SYS_ADMIN")[0]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")][1:]
    return {what.strip(): re.findall(r"CAP_(\w+)", names) for what, names in cells}


@pytest.fixture
def sink(start_zcprobe: Start) -> Iterator[None]:
    with listening_sink(start_zcprobe, PORT):
        yield


def succeeds(words: tuple[str, ...], before: tuple[str, ...], zcprobe: Command, start_zcprobe: Start) -> bool:
    """A sink that listens has everything that it needs; the test then ends it."""
    if words[0] != "sink":
        result = zcprobe(*words, before=before)
        assert result.returncode in (0, 2, 3), result.stderr
        assert result.returncode == 0 or len(result.stderr.splitlines()) == 2, result.stderr
        return result.returncode == 0
    process = start_zcprobe(*words, before=before)
    assert process.stderr is not None
    first = process.stderr.readline()
    process.kill()
    return first.startswith("listening on")


def test_the_table_is_that_of_the_commands() -> None:
    assert list(rows()) == list(COMMANDS)


@pytest.mark.parametrize("what", COMMANDS)
def test_it_works_with_exactly_these_capabilities(
    what: str, zcprobe: Command, start_zcprobe: Start, sink: None
) -> None:
    names = [name.lower() for name in rows()[what]]
    assert succeeds(COMMANDS[what], with_capabilities(*names), zcprobe, start_zcprobe)


@pytest.mark.parametrize(
    ("what", "left_out"), [(what, name.lower()) for what, names in rows().items() for name in names]
)
def test_with_one_less_it_does_not(
    what: str, left_out: str, zcprobe: Command, start_zcprobe: Start, sink: None
) -> None:
    names = [name.lower() for name in rows()[what] if name.lower() != left_out]
    paranoid = int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    shows_addresses = left_out == "syslog" and paranoid <= 1
    assert succeeds(COMMANDS[what], with_capabilities(*names), zcprobe, start_zcprobe) is shows_addresses


def recipes() -> list[list[str]]:
    return [shlex.split(line)[:-1] for line in TEXT.splitlines() if line.startswith("    setpriv ")]


@pytest.mark.parametrize("sudo", [{}, {"SUDO_UID": "65534", "SUDO_GID": "65533"}], ids=["root", "sudo"])
def test_the_recipes_work(sudo: dict[str, str], zcprobe: Command, sink: None, tmp_path: Path) -> None:
    for words, command in zip(recipes(), (LAB, REMOTE), strict=True):
        result = zcprobe(*command, before=tuple(words[: words.index("zcprobe")]), **sudo)
        assert result.returncode == 0, result.stderr
    runs = list((tmp_path / "results").iterdir())
    assert (len(runs), {run.stat().st_uid for run in runs}) == (2, {0})


def units() -> list[str]:
    """The units of the sink and of the run."""
    return re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)


def setting(unit: str, name: str) -> list[str]:
    """The words of that setting; none if the unit does not have it."""
    return [word for value in re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE) for word in value.split()]


def test_the_run_unit_s_command_needs_no_home(zcprobe: Command, tmp_path: Path) -> None:
    """With ProtectHome=yes only processes with CAP_DAC_OVERRIDE may enter the home."""
    (tmp_path / "home").mkdir(0)
    names = [name.removeprefix("CAP_").lower() for name in setting(units()[1], "CapabilityBoundingSet")]
    result = zcprobe(*LAB, "--probes", "none", before=with_capabilities(*names), HOME=str(tmp_path / "home"))
    assert result.returncode == 0, result.stderr


def test_the_run_unit_loses_no_run_and_no_journal() -> None:
    assert setting(units()[1], "KillMode") == ["mixed"]
    assert "RuntimeDirectory" not in units()[1]


def system_calls(name: str) -> set[str]:
    """The system calls of a group of systemd's, or the one of that name."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    names = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return set().union(*(system_calls(name) for name in names if not name.startswith("#")))


FILTERED = """if True:
    import ctypes, os, sys
    seccomp, allow, kill_process = ctypes.CDLL("libseccomp.so.2"), 0x7FFF0000, 0x80000000
    seccomp.seccomp_init.restype = ctypes.c_void_p
    kept = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(kill_process)))
    for name in sys.argv[1].split(","):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            assert seccomp.seccomp_rule_add_array(kept, ctypes.c_uint32(allow), number, 0, None) == 0
    assert seccomp.seccomp_load(kept) == 0
    os.execv(sys.argv[2], sys.argv[2:])"""
"""Executes a command with these system calls alone, as SystemCallFilter= does: any other one ends it (SIGSYS)."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_sink_works_with_the_system_calls_of_its_unit(zcprobe: Command, start_zcprobe: Start) -> None:
    calls = set().union(*map(system_calls, setting(units()[0], "SystemCallFilter")))
    before = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", FILTERED, ",".join(calls))
    process = start_zcprobe("sink", "-1", "-B", "127.0.0.1", "-p", PORT, before=before)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening on")
    result = zcprobe(*REMOTE, "--probes", "none")
    assert result.returncode == 0, result.stderr
    assert process.wait(10) == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    assert len(units()) == 2
    for number, text in enumerate(units()):
        unit = tmp_path / f"zcprobe-{number}.service"
        unit.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
        checked = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
        said = [line for line in checked.stderr.splitlines() if unit.name in line]
        assert (checked.returncode, said) == (0, []), checked.stderr


def test_the_units_start_commands_that_exist() -> None:
    from zcprobe.cli.parser import make_parser

    for line in re.findall(r"^ExecStart=\S+/zcprobe (.*)$", TEXT, re.MULTILINE):
        words = shlex.split(line)
        assert make_parser(words).parse_args(words).verb == words[0]
