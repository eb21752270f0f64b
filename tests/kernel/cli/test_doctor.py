# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe doctor` and `zcprobe probes` on the kernel that runs the tests."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.host.namespaces import OPTMEM_MAX
from zcprobe.probes.base import MECHANISMS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def read_checks(result: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in msgspec.json.decode(result.stdout)["checks"]}


def test_each_mechanism_was_tried(zcprobe: Command) -> None:
    result = zcprobe("doctor", "-J")
    assert (result.returncode, result.stderr) == (0, "")
    checks = read_checks(result)
    assert checks["BPF tracepoint"]["status"] == "ok"
    assert checks["bcc"]["status"] == checks["privileges"]["status"] == "ok"
    kprobes = Path("/sys/bus/event_source/devices/kprobe").exists()
    assert checks["BPF kprobe"]["status"] == ("ok" if kprobes else "limited")
    for name in ("BPF kprobe", "BPF fentry"):
        refused = checks[name]["status"] == "limited"
        assert refused == bool(checks[name]["hint"])
        assert not refused or len(checks[name]["found"]) > len("loads and attaches")


def test_the_table_holds_the_same_checks(zcprobe: Command) -> None:
    result = zcprobe("doctor", COLUMNS="200")
    assert result.returncode == 0
    for name in ("privileges", "BPF tracepoint", "leftovers"):
        assert name in result.stdout


def test_what_senders_need_here_is_what_is_predicted(zcprobe: Command) -> None:
    check = read_checks(zcprobe("doctor", "-J"))["optmem need"]
    for size, shown in (("4K", "4 KiB"), ("64K", "64 KiB"), ("512K", "512 KiB")):
        needed = msgspec.json.decode(zcprobe("predict", "-l", size, "-J").stdout)["optmem_max_bytes"]
        assert f"{needed} for {shown}" in check["found"]
        assert (f" {shown}" in check["hint"]) == (needed > int(OPTMEM_MAX.read_text()))


def test_without_root_it_names_what_is_missing(zcprobe: Command) -> None:
    result = zcprobe("doctor", "-J", before=("unshare", "--user"))
    assert result.returncode == 3, result.stderr
    assert "Traceback" not in result.stderr
    checks = read_checks(result)
    assert checks["privileges"]["status"] == "missing"
    assert checks["namespaces"]["status"] == "missing"
    assert all(check["hint"] for check in checks.values() if check["status"] == "missing")


def test_each_probe_names_its_mechanism(zcprobe: Command) -> None:
    result = zcprobe("probes", "-J")
    assert (result.returncode, result.stderr) == (0, "")
    rows = {row["probe"]: row for row in msgspec.json.decode(result.stdout)["probes"]}
    assert list(rows) == ["memlock", "optmem", "errqueue", "uarg", "skb", "sendmsg", "uring"]
    (mechanism,) = {row["mechanism"] for row in rows.values()}
    assert mechanism in MECHANISMS
    assert all(row["tells"] and row["blind"] for row in rows.values())
    # every mechanism before the one in use says why it is not
    assert list(rows["errqueue"]["refusals"]) == list(MECHANISMS[: MECHANISMS.index(mechanism)])
    assert all(rows["errqueue"]["refusals"].values())
    watched = "inet_sk_error_report" if mechanism == "tracepoint" else "sock_dequeue_err_skb()"
    assert watched in rows["errqueue"]["attaches"]
