"""What zcprobe says of a distribution kernel, against what the kernel itself shows elsewhere."""

import os
from pathlib import Path

from tests.guests.inside.conftest import answer, read_json
from tests.guests.kernels import Kernel
from zcprobe.host.zerocopy import try_zerocopy_send

TRACEFS = Path("/sys/kernel/tracing")

Checks = dict[str, dict[str, str]]


def tracefs_has(tracepoint: str) -> bool:
    return any((TRACEFS / "events").glob(f"*/{tracepoint}"))


def test_doctor_finds_everything_that_a_stock_kernel_has(checks: Checks) -> None:
    # one limit for the whole host is all that old kernels lack
    assert {name for name, check in checks.items() if check["status"] != "ok"} <= {"optmem"}
    assert {"BPF fentry", "BPF kprobe", "BPF tracepoint"} <= set(checks)
    assert os.uname().release in checks["kernel"]["found"]
    assert "sock_ofree, msg_zerocopy_realloc" in checks["kallsyms"]["found"]
    assert f"holds {try_zerocopy_send().charge_bytes} bytes of optmem" in checks["zerocopy send"]["found"]


def test_doctor_tells_how_far_optmem_max_reaches(checks: Checks) -> None:
    # since 6.8 there is a limit in each namespace, and its default is another one
    value = int(Path("/proc/sys/net/core/optmem_max").read_text())
    status, reach = {20480: ("limited", "one for the whole host"), 131072: ("ok", "per network namespace")}[value]
    assert checks["optmem"]["status"] == status
    assert checks["optmem"]["found"] == f"optmem_max {value} bytes, {reach}"


def test_a_probe_is_used_exactly_where_its_tracepoints_are(kernel: Kernel) -> None:
    rows = {row["probe"]: row for row in read_json("probes")["probes"]}
    for row in rows.values():
        absent = [name for name in row["tracepoints"] if not tracefs_has(name)]
        assert row["mechanism"] == "none" or not absent, row
        assert all(name in row["reason"] for name in absent[:1]), row
    works = all(rows[name]["mechanism"] != "none" for name in ("sendmsg", "errqueue"))
    assert works == kernel.has_probes
    if not works:
        code, out, err = answer("run", "--scenario", "in-order", "-n", "23")
        assert (code, out) == (3, b"")
        what, hint = err.splitlines()
        assert what.startswith("zcprobe: probe ")
        assert "cannot run on this kernel" in what
        assert "--probes none" in hint
