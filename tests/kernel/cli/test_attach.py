# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe attach as a user runs it."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.kernel.attach.conftest import WITHOUT_MEMLOCK, Puppet, Start, start  # noqa: F401  # a fixture
from zcprobe.analysis.diagnosis import diagnose
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.analysis.enobufs import df_enobufs
from zcprobe.dataset.load import Attachment, load
from zcprobe.errors import UsageError
from zcprobe.probes.base import MECHANISMS

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root"),
    pytest.mark.usefixtures("nothing_left"),
]

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Begin = Callable[..., "subprocess.Popen[str]"]
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
CAPABLE = (*AS_NOBODY, "--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon")
PRIME = 101
MANY = 20011
"""Refused calls whose lines do not all find room."""


def lines_of(stdout: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in stdout.splitlines()]


def doctor_says(zcprobe: Command, before: tuple[str, ...]) -> dict[str, str]:
    """The line of `doctor` about attach."""
    checks = msgspec.json.decode(zcprobe("doctor", "-J", before=before).stdout)["checks"]
    return next(check for check in checks if check["name"] == "attach")


@pytest.fixture
def puppet(start: Start) -> Puppet:  # noqa: F811
    made = start()
    made.do("open", "a")
    made.do("thread")
    return made


def test_sends_are_exact_and_threads_have_their_names(puppet: Puppet, start_zcprobe: Begin) -> None:
    process = start_zcprobe("attach", "-j", "-p", str(puppet.pid), "0.2", "600")
    assert process.stdout is not None
    assert msgspec.json.decode(process.stdout.readline())["type"] == "sample"  # it watches
    taken = puppet.send("a", PRIME)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    told = lines_of(process.communicate()[0])
    assert process.returncode == -signal.SIGINT
    summary = told.pop()
    assert [line["type"] for line in told] == ["sample"] * len(told)
    assert sum(line["sends"] for line in told) == summary["sockets"][0]["sends"] == taken
    assert (summary["type"], summary["folder"], summary["detail"]) == ("summary", None, "sample")
    assert "multifdsend_0" in {thread["comm"] for thread in summary["threads"]}
    assert summary["threads"][0]["sends"] is None  # who sent is not seen by looking
    assert [facts["pid"] for facts in summary["processes"]] == [puppet.pid]


def test_every_call_is_counted_and_kept(puppet: Puppet, start_zcprobe: Begin, tmp_path: Path) -> None:
    words = ("attach", "--detail", "causes", "-j", "-o", str(tmp_path), "-p", str(puppet.pid), "0.2", "600")
    process = start_zcprobe(*words)
    assert process.stdout is not None
    assert msgspec.json.decode(process.stdout.readline())["type"] == "sample"  # it watches
    taken = puppet.send("a", PRIME, 5000)
    read = int(puppet.do("drain", "a"))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    summary = lines_of(process.communicate()[0]).pop()
    socket = summary["sockets"][0]
    assert (socket["sends"], socket["enobufs"], socket["plain_sends"]) == (taken, PRIME - taken, 0)
    assert (socket["send_bytes_median"], socket["bytes_sent"]) == (5000, 5000 * taken)
    assert socket["completions_read"] == read
    assert sum(socket["readers"].values()) == socket["notifications_read"] > 0
    senders = {thread["tid"]: thread["sends"] for thread in summary["threads"] if thread["sends"]}
    assert senders == {puppet.pid: taken}
    (kept,) = tmp_path.iterdir()
    attachment = load(kept)
    assert isinstance(attachment, Attachment)
    assert attachment.kernel.detail == "causes"
    assert attachment.kernel.true_copied_completions == socket["copied_true"]
    assert attachment.meta.probes["sendmsg"] in MECHANISMS
    assert attachment.meta.attached
    assert attachment.meta.missed_runs is not None
    assert [finding.what for finding in attachment.meta.reconciliation] == ["lost events", "events that no probe saw"]


def test_each_refused_call_is_printed_and_kept(start: Start, start_zcprobe: Begin, tmp_path: Path) -> None:  # noqa: F811
    puppet = start(*WITHOUT_MEMLOCK)
    puppet.do("open", "a")
    process = start_zcprobe(
        "attach", "--detail", "causes", "-j", "-o", str(tmp_path), "-p", str(puppet.pid), "0.2", "600"
    )
    assert process.stdout is not None
    assert msgspec.json.decode(process.stdout.readline())["type"] == "sample"  # it watches
    refused = PRIME - puppet.send("a", PRIME, 1 << 20)
    process.send_signal(signal.SIGINT)
    told = lines_of(process.communicate()[0])
    calls = [line for line in told if line["type"] == "enobufs"]
    socket = told[-1]["sockets"][0]
    assert len(calls) == refused == socket["enobufs"] > PRIME / 2
    assert {(call["tid"], call["fd"], call["remote"]) for call in calls} == {
        (puppet.pid, socket["fd"], socket["remote"])
    }
    assert Counter(call["cause"] for call in calls) == socket["enobufs_causes"]
    (kept,) = tmp_path.iterdir()
    attachment = load(kept)
    assert isinstance(attachment, Attachment)
    assert attachment.kernel_events["cookie"].unique().tolist() == [socket["cookie"]]
    rows = df_enobufs(attachment)
    assert (rows["channel"].tolist(), rows["cause"].tolist()) == ([0] * refused, [call["cause"] for call in calls])
    assert rows["in_flight_bytes"].tolist() == [call["in_flight_bytes"] for call in calls]
    assert rows["time_s"].between(0, attachment.kernel.duration_ns / 1e9).all()


@pytest.mark.parametrize("is_read", [True, False])
def test_a_reader_that_does_not_read_costs_lines_but_nothing_waits_for_it(
    is_read: bool,
    start: Start,  # noqa: F811
    start_zcprobe: Begin,
) -> None:
    puppet = start(*WITHOUT_MEMLOCK)
    puppet.do("open", "a")
    process = start_zcprobe("attach", "--detail", "causes", "-j", "-p", str(puppet.pid), "0.2", "600")
    assert process.stdout is not None
    assert msgspec.json.decode(process.stdout.readline())["type"] == "sample"  # it watches
    refused = MANY - puppet.send("a", MANY, 1 << 17)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    if not is_read:
        process.wait(10)
    stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    told = lines_of(stdout)  # no line is cut
    calls = [line for line in told if line["type"] == "enobufs"]
    dropped = int(stderr.removeprefix("zcprobe: stdout was read too slowly: ").split()[0])
    assert dropped > 0
    if is_read:
        assert stderr == f"zcprobe: stdout was read too slowly: {dropped} lines were dropped\n"
        assert (told[-1]["type"], told[-1]["dropped_lines"]) == ("summary", dropped)
        assert sum(socket["enobufs"] or 0 for socket in told[-1]["sockets"]) == refused <= len(calls) + dropped
    else:
        assert stderr.endswith("lines were dropped, and its end was not read\n")
        assert told[-1]["type"] != "summary"


@pytest.mark.parametrize("words", [(), ("-j",)])
def test_an_interrupt_before_anything_is_watched_is_said_in_a_line(
    words: tuple[str, ...], puppet: Puppet, start_zcprobe: Begin
) -> None:
    process = start_zcprobe("attach", *words, "--detail", "causes", "-p", str(puppet.pid))
    deadline_s = time.monotonic() + 20
    while "libbcc" not in Path(f"/proc/{process.pid}/maps").read_text():  # next it compiles, for a second or more
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "zcprobe: interrupted: nothing was watched yet\n")
    assert process.returncode == -signal.SIGINT


def test_one_look_cannot_count_calls(puppet: Puppet, zcprobe: Command) -> None:
    assert zcprobe("attach", "--once", "--detail", "causes", "-p", str(puppet.pid)).returncode == 2


def test_what_people_read_fits_into_80_columns(puppet: Puppet, zcprobe: Command) -> None:
    for words in ((), ("-T",), ("--once",)):
        result = zcprobe("attach", *words, "-p", str(puppet.pid), "0.2", "3")
        assert result.stderr == ""
        assert max(map(len, result.stdout.splitlines())) < 80, result.stdout
    assert "peaks between two looks are missed" in zcprobe("attach", "-p", str(puppet.pid), "0.1", "1").stdout


def test_values_separated_by_commas_are_the_samples(puppet: Puppet, zcprobe: Command) -> None:
    result = zcprobe("attach", "--csv", "-p", str(puppet.pid), "0.2", "3")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["pid"] for row in rows] == [str(puppet.pid)] * 3
    assert "peaks between two looks are missed" in result.stderr


def test_one_look_says_what_is_wrong_by_its_exit_code(puppet: Puppet, zcprobe: Command) -> None:
    puppet.send("a", PRIME)
    result = zcprobe("attach", "--once", "-j", "-p", str(puppet.pid))
    [summary] = lines_of(result.stdout)
    assert result.returncode == 1
    assert "cannot-be-zerocopy" in {finding["id"] for finding in summary["findings"]}  # it sends over loopback
    assert summary["sockets"][0]["sends"] == PRIME  # in its whole life


def test_without_a_zerocopy_socket_it_says_so_and_why(start: Start, zcprobe: Command) -> None:  # noqa: F811
    plain = start()
    plain.do("open", "a", "plain")
    plain.do("unix")
    for words in (("--once",), ("0.1", "1")):
        result = zcprobe("attach", "-p", str(plain.pid), *words)
        assert result.returncode == 0
        assert "SO_ZEROCOPY is set on none of the 4 sockets (2 tcp, 2 unix)" in " ".join(result.stdout.split())


def test_a_migration_through_a_unix_socket_is_told_though_no_socket_uses_zerocopy(
    start: Start,  # noqa: F811
    zcprobe: Command,
) -> None:
    plain = start()
    plain.do("unix")
    assert zcprobe("attach", "--once", "-p", str(plain.pid)).returncode == 0
    plain.do("thread")  # called multifdsend_0, as in a QEMU that migrates
    result = zcprobe("attach", "--once", "-p", str(plain.pid))
    assert result.returncode == 1
    assert "cannot-be-zerocopy: A migration of QEMU runs" in result.stdout


@pytest.mark.parametrize("by", ["comm", "cgroup", "tid"])
def test_a_process_is_found_in_other_ways(by: str, puppet: Puppet, zcprobe: Command, tmp_path: Path) -> None:
    words = {
        "comm": ("--comm", "zc-attach-test"),
        "cgroup": ("--cgroup", Path(f"/proc/{puppet.pid}/cgroup").read_text().splitlines()[-1].partition("::")[2]),
        "tid": ("-t", max(os.listdir(f"/proc/{puppet.pid}/task"), key=int)),
    }[by]
    if by == "comm":
        puppet.do("exec", tmp_path / "zc-attach-test")
    result = zcprobe("attach", "-j", *words, "0.1", "1")
    if by == "cgroup" and not Path("/sys/fs/cgroup/cgroup.procs").exists():
        assert "there is no control group" in result.stderr
        return
    summary = lines_of(result.stdout)[-1]
    assert puppet.pid in {facts["pid"] for facts in summary["processes"]}
    if by == "tid":
        assert [str(thread["tid"]) for thread in summary["threads"]] == [words[1]]


def test_a_command_is_started_unchanged_and_its_exit_code_is_told(zcprobe: Command) -> None:
    code = "import os, resource, signal; print(os.environ, resource.getrlimit(8), signal.pthread_sigmask(0, []))"
    bare = ("env", "-i", "A=b")
    alone = subprocess.run([*bare, sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    result = zcprobe("attach", "--csv", "--", sys.executable, "-c", f"{code}; raise SystemExit(7)", before=bare)
    assert result.stdout == alone
    assert "ended with exit code 7" in result.stderr
    assert result.returncode == 0


def test_a_command_is_watched_from_its_first_send(zcprobe: Command) -> None:
    code = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname()); r, _ = s.accept(); c.setsockopt(1, 60, 1)\n"
        f"for _ in range({PRIME}): c.send(b'x', 0x4000000)\n"
        "time.sleep(1)"
    )
    result = zcprobe("attach", "-j", "--", sys.executable, "-c", code)
    assert lines_of(result.stdout)[-1]["sockets"][0]["sends"] == PRIME


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "nothing says which process to watch"),
        (("-p", "1", "--comm", "x"), "a process is named in two ways"),
        (("-p", "4194305"), "out of range"),
        (("-p", "1", "0"), "out of range"),
        (("--comm", "no such name"), "no process is called"),
        (("--", "/no/such/command"), "cannot be started"),
    ],
)
def test_bad_words_are_refused_in_two_lines(words: tuple[str, ...], what: str, zcprobe: Command) -> None:
    result = zcprobe("attach", *words)
    assert (result.returncode, result.stdout) == (2, "")
    assert what in result.stderr.splitlines()[0]
    assert len(result.stderr.splitlines()) == 2


def test_another_user_needs_two_capabilities(puppet: Puppet, zcprobe: Command) -> None:
    puppet.send("a", PRIME)
    result = zcprobe("attach", "--once", "-j", "-p", str(puppet.pid), before=CAPABLE)
    assert result.returncode == 1, result.stderr
    assert lines_of(result.stdout)[-1]["sockets"][0]["sends"] == PRIME
    assert doctor_says(zcprobe, CAPABLE)["status"] == "ok"
    began_s = time.monotonic()
    refused = zcprobe("attach", "-p", str(puppet.pid), before=AS_NOBODY)
    assert time.monotonic() - began_s < 2
    assert refused.returncode == 3
    assert refused.stderr.splitlines() == [
        "zcprobe: sockets cannot be watched: this process lacks CAP_BPF, CAP_PERFMON",
        "  run as root, or with CAP_BPF and CAP_PERFMON; zcprobe doctor tells more",
    ]
    check = doctor_says(zcprobe, AS_NOBODY)
    assert (check["status"], f"zcprobe: {check['found']}") == ("limited", refused.stderr.splitlines()[0])


def test_without_btf_it_says_so_at_once(puppet: Puppet, zcprobe: Command) -> None:
    hide = 'mount --bind /dev/null /sys/kernel/btf/vmlinux; exec "$@"'
    began_s = time.monotonic()
    result = zcprobe("attach", "-p", str(puppet.pid), before=("unshare", "--mount", "sh", "-ec", hide, "sh"))
    assert time.monotonic() - began_s < 2
    assert (result.returncode, len(result.stderr.splitlines())) == (3, 2)
    assert "type information" in result.stderr
    check = doctor_says(zcprobe, ("unshare", "--mount", "sh", "-ec", hide, "sh"))
    assert f"zcprobe: {check['found']}" == result.stderr.splitlines()[0]


def test_the_program_can_be_read(zcprobe: Command) -> None:
    result = zcprobe("attach", "--ebpf")
    assert "on_zerocopy_socket" in result.stdout
    assert "on_io_uring_submit" not in result.stdout
    assert result.returncode == 0
    assert "on_io_uring_submit" in zcprobe("attach", "--ebpf", "--detail", "causes").stdout


def test_what_was_seen_is_kept_as_a_run_folder(puppet: Puppet, zcprobe: Command, tmp_path: Path) -> None:
    result = zcprobe("attach", "-j", "-o", str(tmp_path / "kept"), "-p", str(puppet.pid), "0.2", "3")
    told = lines_of(result.stdout)
    run = load(told[-1]["folder"])
    assert isinstance(run, Attachment)
    assert run.meta.complete
    assert run.samples["optmem_max_bytes"].tolist() == [one["optmem_max_bytes"] for one in told[:-1]]
    assert run.samples["time_ns"].tolist() == [one["time_ns"] for one in told[:-1]]
    assert [msgspec.to_builtins(one) for one in run.kernel.sockets] == told[-1]["sockets"]
    assert [msgspec.to_builtins(one) for one in run.findings] == told[-1]["findings"]
    assert diagnose(observed(run)) == run.findings
    assert run.kernel.sockets[0].number == run.samples["socket"][0] == 0
    with pytest.raises(UsageError, match="a process was only watched"):
        _ = run.policy


def test_a_folder_that_cannot_be_made_is_refused(puppet: Puppet, zcprobe: Command) -> None:
    result = zcprobe("attach", "-o", "/proc/nothing", "-p", str(puppet.pid), "0.1", "1")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 2


def test_a_kept_attachment_is_drawn_reported_and_exported_and_the_rest_refused(
    puppet: Puppet, zcprobe: Command, tmp_path: Path
) -> None:
    puppet.send("a", PRIME)
    kept = zcprobe("attach", "-j", "-o", str(tmp_path / "kept"), "-p", str(puppet.pid), "0.2", "3")
    folder = lines_of(kept.stdout)[-1]["folder"]
    assert zcprobe("plot", folder, "-o", "figure.svg").returncode == 0
    rows = zcprobe("export", folder, "--format", "csv", "--table", "samples")
    assert len(rows.stdout.splitlines()) == 1 + 3
    line = zcprobe("export", folder)
    assert line.stdout.startswith(f"process {puppet.pid}; 1 sockets with zerocopy of")
    assert zcprobe("report", folder, "-o", "report.html").returncode == 0
    report = (tmp_path / "report.html").read_text()
    assert f"<h1>process {puppet.pid}</h1>" in report
    assert "cannot-be-zerocopy" in report
    for words in (
        ("plot", folder, "--figure", "optmem"),
        ("export", folder, "--format", "trace"),
    ):
        refused = zcprobe(*words)
        assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 2), refused.stderr
