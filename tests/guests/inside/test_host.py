# SPDX-License-Identifier: GPL-2.0-only
"""What zcprobe says about a distribution kernel agrees with what the kernel shows in other places."""

import os
from pathlib import Path

from tests.guests.inside.conftest import answer, read_json, tracefs_has
from zcprobe.host.zerocopy import try_zerocopy_send
from zcprobe.probes.base import MECHANISMS

Checks = dict[str, dict[str, str]]


def test_doctor_finds_everything_that_a_stock_kernel_has(checks: Checks) -> None:
    # 6.1 has one limit for the whole host, and lacks a tracepoint, so the probes use functions
    lacking = {name for name, check in checks.items() if check["status"] == "limited"}
    lacking -= {"optmem", "optmem need"}  # its limit is too small for sends that fill a send buffer
    assert lacking == (set() if tracefs_has("sock_send_length") else {"BPF tracepoint"})
    assert {check["status"] for check in checks.values()} <= {"ok", "limited"}
    assert {"BPF fentry", "BPF kprobe", "BPF tracepoint"} <= set(checks)
    assert os.uname().release in checks["kernel"]["found"]
    assert "sock_ofree, msg_zerocopy_realloc" in checks["kallsyms"]["found"]
    assert f"holds {try_zerocopy_send().charge_bytes} bytes of optmem" in checks["zerocopy send"]["found"]


def test_doctor_tells_how_far_optmem_max_reaches(checks: Checks) -> None:
    # since 6.8 each namespace has a limit, with another default
    value = int(Path("/proc/sys/net/core/optmem_max").read_text())
    status, reach = {20480: ("limited", "one for the whole host"), 131072: ("ok", "per network namespace")}[value]
    assert checks["optmem"]["status"] == status
    assert checks["optmem"]["found"] == f"optmem_max {value} bytes, {reach}"


def test_the_probes_use_the_first_mechanism_that_works(checks: Checks) -> None:
    rows = read_json("probes")["probes"]
    working = next(name for name in MECHANISMS if checks[f"BPF {name}"]["status"] == "ok")
    assert {row["mechanism"] for row in rows} == {working}
    attached = {name for row in rows for name in row["attaches"]}
    assert ("sock_omalloc()" in attached) == (working != "tracepoint")


def test_tracepoints_alone_are_used_exactly_where_they_are(checks: Checks, tmp_path: Path) -> None:
    """6.1 lacks the tracepoint that reports what a send call returned. Where it exists, tests/kernel/probes/ use
    them."""
    has_all = tracefs_has("sock_send_length")
    assert (checks["BPF tracepoint"]["status"] == "ok") == has_all
    if has_all:
        return
    words = ("run", "--scenario", "in-order", "-n", "23", "--mechanism", "tracepoint", "-J", "-o", str(tmp_path))
    code, out, err = answer(*words)
    assert (code, out) == (3, b"")
    what, hint = err.splitlines()
    assert "no tracepoint sock_send_length (Linux 6.3)" in what
    assert "--probes none" in hint
