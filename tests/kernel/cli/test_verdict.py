# SPDX-License-Identifier: GPL-2.0-only
"""On hosts that withhold something, `run` and `probes` do what `doctor` says they will."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.kernel.cli.test_hostile import (
    WITHOUT_BTF,
    WITHOUT_FUNCTION,
    WITHOUT_SYMBOL,
    WITHOUT_SYS_ADMIN,
    refusal,
    with_capabilities,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is taken away must have been there")

Command = Callable[..., "subprocess.CompletedProcess[str]"]

OPTMEM_MAX = "/proc/sys/net/core/optmem_max"
SYSTEM_PACKAGES = Path(sysconfig.get_path("purelib")).parents[2] / "system-packages"

# bpf(2) is answered with EPERM, as by a container's default filter; 321 is its number on x86-64, 280 on arm64
FILTER = """
import ctypes, os, platform, struct, sys
number = {"x86_64": 321, "aarch64": 280}[platform.machine()]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(steps), ctypes.addressof(code)))
assert ctypes.CDLL(None).prctl(22, 2, program) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


def without(*names: str) -> tuple[str, ...]:
    """Root with all capabilities except these."""
    taken = ",".join(f"-{name}" for name in names)
    return ("setpriv", f"--bounding-set={taken}", f"--inh-caps={taken}")


def mounted(*words: str) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-ec", f'mount {" ".join(words)}; exec "$@"', "sh")


def with_optmem_max(value: int) -> tuple[str, ...]:
    script = f'ip link set lo up; echo {value} >{OPTMEM_MAX}; exec "$@"'
    return ("unshare", "--net", "sh", "-ec", script, "sh")


HOSTS: dict[str, tuple[str, ...]] = {
    "as it is": (),
    "no BTF": WITHOUT_BTF,
    "a symbol hidden": WITHOUT_SYMBOL,
    "a function inlined": WITHOUT_FUNCTION,
    "no CAP_SYS_ADMIN": WITHOUT_SYS_ADMIN,
    "no CAP_NET_ADMIN": without("net_admin"),
    "no CAP_IPC_LOCK": without("ipc_lock"),
    "no CAP_BPF, CAP_PERFMON": without("bpf", "perfmon"),
    "no CAP_SYSLOG": without("syslog"),
    "no capability": with_capabilities(),
    "root of a user namespace": ("unshare", "--user", "--map-root-user"),
    "root of a user namespace with namespaces": ("unshare", "--user", "--map-root-user", "--net", "--mount"),
    "nobody": ("unshare", "--user"),
    "no loopback": ("unshare", "--net"),
    "optmem_max 0": with_optmem_max(0),
    "optmem_max 575": with_optmem_max(575),
    "no bcc": mounted("-t", "tmpfs", "none", str(SYSTEM_PACKAGES)),
    "another project's bcc": mounted("--bind", str(Path(__file__).parent / "not_bcc"), str(SYSTEM_PACKAGES)),
    "no place for journals": mounted("-t", "tmpfs", "-o", "ro", "none", "/run/zcprobe"),
    "a memlock limit of 0": ("prlimit", "--memlock=0"),
    "bpf(2) filtered": (sys.executable, "-c", FILTER),
}


def read_checks(result: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    assert "Traceback" not in result.stderr
    return {check["name"]: check for check in msgspec.json.decode(result.stdout)["checks"]}


@pytest.mark.parametrize("host", HOSTS)
def test_run_does_what_doctor_says(host: str, zcprobe: Command) -> None:
    doctor = zcprobe("doctor", "-J", before=HOSTS[host])
    checks = read_checks(doctor)
    missing = {name for name, check in checks.items() if check["status"] == "missing"}
    assert doctor.returncode == (3 if missing else 0)
    assert all(check["hint"] for check in checks.values() if check["status"] != "ok")
    run = zcprobe("run", "-n", "509", "-J", before=HOSTS[host])
    if missing:
        refusal(run)
    else:
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("host", HOSTS)
def test_probes_names_a_mechanism_where_doctor_has_one(host: str, zcprobe: Command) -> None:
    checks = read_checks(zcprobe("doctor", "-J", before=HOSTS[host]))
    works = [name for name, check in checks.items() if name.startswith("BPF ") and check["status"] == "ok"]
    probes = zcprobe("probes", "-J", before=HOSTS[host])
    if probes.returncode:
        assert not works
        refusal(probes)
        return
    rows = msgspec.json.decode(probes.stdout)["probes"]
    assert {f"BPF {row['mechanism']}" for row in rows} == (set(works[:1]) or {"BPF none"})
