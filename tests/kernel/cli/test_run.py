# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe run` as a user calls it: what it prints, what it leaves behind, and how it reports bad input."""

import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

import zcprobe as package
from zcprobe.cli.main import main

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]

KERNEL_KEYS = {
    "true_copied_completions",
    "enobufs_causes",
    "errqueue_depth_max",
    "optmem_max_bytes",
    "optmem_peak_bytes",
    "charge_bytes",
    "lost_events",
}
SENDER_KEYS = {
    "outcome",
    "sends",
    "completions",
    "notifications",
    "copied_completions",
    "enobufs_count",
    "stall_count",
    "stall_ns_total",
    "bytes_sent",
    "goodput_bps",
    "sink_bytes",
    "sink_intact",
}


def assert_refused(result: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    """stderr has two lines, one that says what is wrong and one that says what to do, and stdout is empty."""
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    what, to_do = result.stderr.splitlines()
    assert what.startswith("zcprobe: ")
    assert to_do.startswith("  ")
    for word in words:
        assert word in result.stderr


def read_json(result: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert len(result.stdout.splitlines()) == 1
    content: dict[str, Any] = msgspec.json.decode(result.stdout)
    return content


def assert_one_folder(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "results").iterdir()
    return folder


def test_json_is_run_json_and_the_folder(zcprobe: Command, tmp_path: Path) -> None:
    result = zcprobe("run", "--scenario", "in-order", "-n", "1009", "-J")
    assert (result.returncode, result.stderr) == (0, "")
    content = read_json(result)
    folder = tmp_path / content.pop("folder")
    assert folder == assert_one_folder(tmp_path)
    recorded = msgspec.json.decode((folder / "run.json").read_bytes())
    assert recorded.pop("sha256")  # of the file, not of the run
    assert content == recorded
    assert set(content["kernel"]) >= KERNEL_KEYS
    assert set(content["sender"]) >= SENDER_KEYS
    assert set(content["probes"]) == {"memlock", "optmem", "errqueue", "uarg", "skb", "sendmsg"}
    assert set(content["probes"].values()) <= {"fentry", "kprobe", "tracepoint"}
    assert content["sender"]["sends"] == content["sender"]["completions"] == 1009
    run = package.load(folder)
    assert {name: len(getattr(run, name)) for name in content["rows"]} == content["rows"]
    assert content["rows"]["sends"] == 1009
    assert {path.name for path in folder.iterdir()} == {
        "run.json",
        "stacks.json",
        *(f"{table}.parquet" for table in ("sends", "notifications", "flushes", "meminfo", "stalls", "tcp_info")),
        "kernel_events.parquet",
    }


def test_text_names_the_outcome_the_cause_and_the_folder(zcprobe: Command, tmp_path: Path) -> None:
    result = zcprobe("run", "--scenario", "in-flight", "--policy", "qemu-pre", "-o", "kept/here")
    assert (result.returncode, result.stderr) == (1, "")
    (folder,) = (tmp_path / "kept/here").iterdir()
    lines = dict(line.strip().split(maxsplit=1) for line in result.stdout.splitlines()[1:])
    assert lines["outcome"].startswith("dead_enobufs")
    assert lines["ENOBUFS"].startswith("1 by optmem; optmem then held")
    assert tmp_path / lines["folder"] == folder


def test_a_run_needs_no_tracefs(zcprobe: Command) -> None:
    """Raw tracepoints are opened by bpf(2) alone, so a run in a mount namespace without tracefs works."""
    hidden = 'umount -qR /sys/kernel/tracing /sys/kernel/debug; ! grep -q tracefs /proc/mounts && exec "$@"'
    result = zcprobe(
        "run", "--scenario", "in-order", "-n", "23", "-J", before=("unshare", "--mount", "sh", "-c", hidden, "sh")
    )
    assert result.returncode == 0, result.stderr
    assert read_json(result)["kernel"]["true_copied_completions"] == 23


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("--policy", "none-such"), "qemu-merged"),
        (("--scenario", "none-such"), "held-completions"),
        (("-l", "0"), "64 MiB"),
        (("-l", "1T"), "64 MiB"),
        (("-l", "abc"), "64K"),
        (("-l", "0.3"), "whole"),
        (("-n", "0"), "-n"),
        (("-n", "99999999999999999999"), "-n"),
        (("-t", "nan"), "-t"),
        (("-t", "inf"), "-t"),
        (("-t", "0"), "-t"),
        (("--deadline", "nan"), "--deadline"),
        (("--settle", "0"), "--settle"),
        (("--optmem-max", "575"), "576"),
        (("--optmem-max", "2G"), "optmem_max"),
    ],
)
def test_bad_values_are_refused_before_anything_is_made(
    words: tuple[str, ...],
    needle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs in this process, because there are so many cases."""
    monkeypatch.chdir(tmp_path)
    code = main(["run", *words])
    assert_refused(subprocess.CompletedProcess(words, code, *capsys.readouterr()), 2, needle)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("frobnicate",), ("run", "--traffic", "none-such")])
def test_what_is_no_command_line_is_usage(words: tuple[str, ...], zcprobe: Command) -> None:
    result = zcprobe(*words)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: zcprobe")
    assert "error:" in result.stderr
    assert "Traceback" not in result.stderr


def test_verbose_adds_the_traceback_and_keeps_the_exit_code(zcprobe: Command) -> None:
    result = zcprobe("run", "-v", "-l", "0")
    assert "Traceback" in result.stderr
    assert "64 MiB" in result.stderr
    assert result.returncode == 2


@pytest.mark.parametrize("output", ["file", "file/below", "/proc/here"])
def test_an_output_that_is_no_folder_is_refused(output: str, zcprobe: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_refused(zcprobe("run", "--scenario", "in-order", "-n", "23", "-o", output), 2, output, "-o DIR")
    assert (tmp_path / "file").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_name_that_is_no_text_is_a_folder_like_any_other(zcprobe: Command, tmp_path: Path) -> None:
    output = os.fsdecode(b"caf\xe9")
    result = zcprobe("run", "--scenario", "in-order", "-n", "23", "-o", output)
    assert "Traceback" not in result.stderr
    assert result.returncode in (0, 2)


@pytest.mark.parametrize("size", ["32k", "200k", "1m"])
def test_a_full_disk_is_said_in_one_line(size: str, zcprobe: Command, tmp_path: Path) -> None:
    """Runs inside a mount namespace, so that the small file system vanishes with the command."""
    script = f'mount -t tmpfs -o size={size} none small && exec "$@"'
    (tmp_path / "small").mkdir()
    result = zcprobe(
        "run", "--scenario", "in-order", "-n", "100003", "-l", "4K", "-o", "small",
        before=("unshare", "--mount", "sh", "-c", script, "sh"),
    )  # fmt: skip
    assert result.returncode != 0
    assert_refused(result, result.returncode, "No space left on device")


def test_without_root_it_says_so(zcprobe: Command, tmp_path: Path) -> None:
    """Runs in a user namespace without a mapping, where the user id is not 0 but may still read the tree and write
    here."""
    assert_refused(zcprobe("run", "-n", "23", before=("unshare", "--user")), 3, "root")
    assert_refused(zcprobe("run", "-n", "23", "--probes", "none", before=("unshare", "--user")), 3, "root")
    assert not (tmp_path / "results").exists() or list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize("lacking", ["bpf,-perfmon,-sys_admin", "net_admin,-sys_admin"])
def test_root_without_its_capabilities_is_told_which(lacking: str, zcprobe: Command) -> None:
    bounded = ("setpriv", f"--bounding-set=-{lacking}", f"--inh-caps=-{lacking}")
    result = zcprobe("run", "--scenario", "in-order", "-n", "23", before=bounded)
    assert_refused(result, 3)
    assert "CAP_" in result.stderr


def in_place_of_bcc(folder: Path) -> tuple[str, ...]:
    """Words before the command that make it find the modules of that folder in the place of the distribution's bcc."""
    packages = Path(sysconfig.get_path("purelib")).parents[2] / "system-packages"
    return ("unshare", "--mount", "sh", "-ec", f'mount --bind {folder} {packages}; exec "$@"', "sh")


def test_without_bcc_a_run_without_probes_still_works(zcprobe: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/bcc.py").write_text('raise ImportError("none")\n')
    before = in_place_of_bcc(tmp_path / "empty")
    assert_refused(zcprobe("run", "-n", "23", before=before), 3, "another project", "bcc.py", "--probes none")
    result = zcprobe("run", "-n", "23", "--probes", "none", "-J", before=before)
    assert result.returncode == 0, result.stderr
    assert read_json(result)["probes"] == {}


def test_another_project_called_bcc_is_recognised(zcprobe: Command, tmp_path: Path) -> None:
    (tmp_path / "wrong/bcc").mkdir(parents=True)
    (tmp_path / "wrong/bcc/__init__.py").touch()
    result = zcprobe("run", "-n", "23", before=in_place_of_bcc(tmp_path / "wrong"))
    assert_refused(result, 3, "another project", "make -C", "system-packages/bcc")


@pytest.mark.parametrize("words", [("probes",), ("run", "-n", "23", "-J"), ("run", "-n", "23")])
def test_a_reader_that_has_gone_is_no_error(words: tuple[str, ...], zcprobe: Command) -> None:
    """The exit code is written to stderr, because the shell returns that of the last command of the pipe."""
    closed = ("sh", "-c", '{ "$@"; echo "code $?" >&2; } | true', "sh")
    result = zcprobe(*words, before=closed)
    assert result.stderr == "code 0\n"
