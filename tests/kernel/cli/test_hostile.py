# SPDX-License-Identifier: GPL-2.0-only
"""Hosts that withhold something: each shortfall is named with a hint, and everything that can still work does."""

import os
import subprocess
from collections.abc import Callable, Iterator

import msgspec
import pytest

from tests.processes import listening_sink
from zcprobe.probes.base import MECHANISMS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is taken away must have been there")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

PORT = "5398"
BPF = tuple(f"BPF {mechanism}" for mechanism in MECHANISMS)
RUN = ("run", "--scenario", "in-order", "-n", "23", "-J")
RUN_TO_SINK = ("run", "--to", f"127.0.0.1:{PORT}", "-n", "23", "-J")

WITHOUT_BTF = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf; exec "$@"', "sh")

# what was computed from the true files is hidden from the command too
EDITED = """
mkdir -p /run/zcprobe-layout
mount -t tmpfs -o mode=700 none /run/zcprobe-layout
sed "$1" "$2" > /run/zcprobe-layout/edited
mount --bind /run/zcprobe-layout/edited "$2"
shift 2
exec "$@"
"""


def with_edited(path: str, edit: str) -> tuple[str, ...]:
    """The command sees the file as edited by sed; the kernel itself is unchanged."""
    return ("unshare", "--mount", "sh", "-ec", EDITED, "sh", edit, path)


# the symbol table and BTF alike are without a function that was inlined wherever it is called
WITHOUT_SYMBOL = with_edited("/proc/kallsyms", r"/ sock_ofree$/d")
WITHOUT_FUNCTION = with_edited("/sys/kernel/btf/vmlinux", r"s/\x00sock_omalloc\x00/\x00sock_inlined\x00/")


def with_capabilities(*names: str) -> tuple[str, ...]:
    """Root with only these capabilities."""
    bounds = ",".join(["-all", *(f"+{name}" for name in names)])
    return ("setpriv", f"--bounding-set={bounds}", "--inh-caps=-all")


WITHOUT_SYS_ADMIN = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")


@pytest.fixture
def sink(start_zcprobe: Start) -> Iterator[None]:
    with listening_sink(start_zcprobe, PORT):
        yield


def shortfalls(result: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    """The checks that `doctor` reports as missing; each must have a hint."""
    assert (result.returncode, result.stderr) == (3, "")
    checks = {check["name"]: check for check in msgspec.json.decode(result.stdout)["checks"]}
    missing = {name: check for name, check in checks.items() if check["status"] == "missing"}
    assert all(check["hint"] for check in missing.values())
    return missing


def refusal(result: "subprocess.CompletedProcess[str]") -> tuple[str, str]:
    """The two lines of a command that this host cannot do: what is wrong and what to do. It prints nothing else."""
    assert (result.returncode, result.stdout) == (3, "")
    what, hint = result.stderr.splitlines()
    assert what.startswith("zcprobe: ")
    return what, hint.strip()


def sends(result: "subprocess.CompletedProcess[str]") -> int:
    assert result.returncode == 0, result.stderr
    run = msgspec.json.decode(result.stdout)
    assert run["complete"]
    return int(run["sender"]["sends"])


def test_without_btf_runs_go_without_probes(zcprobe: Command) -> None:
    missing = shortfalls(zcprobe("doctor", "-J", before=WITHOUT_BTF))
    assert set(missing) == {"btf", *BPF}
    assert "CONFIG_DEBUG_INFO_BTF" in missing["btf"]["hint"]
    for words in (("probes",), RUN):
        what, hint = refusal(zcprobe(*words, before=WITHOUT_BTF))
        assert "type information cannot be read" in what
        assert "--probes none" in hint
    assert sends(zcprobe(*RUN, "--probes", "none", before=WITHOUT_BTF)) == 23


def test_without_sys_admin_there_is_no_lab_but_a_sink_elsewhere_will_do(zcprobe: Command, sink: None) -> None:
    missing = shortfalls(zcprobe("doctor", "-J", before=WITHOUT_SYS_ADMIN))
    assert set(missing) == {"privileges", "namespaces", "lab"}
    assert "without CAP_SYS_ADMIN" in missing["privileges"]["found"]
    what, hint = refusal(zcprobe(*RUN, before=WITHOUT_SYS_ADMIN))
    assert what == "zcprobe: not allowed to set up network namespaces"
    assert "CAP_SYS_ADMIN" in hint
    assert sends(zcprobe(*RUN_TO_SINK, before=WITHOUT_SYS_ADMIN)) == 23


def test_bpf_and_perfmon_alone_see_no_symbols_and_say_which_capability_would(zcprobe: Command, sink: None) -> None:
    few = with_capabilities("bpf", "perfmon")
    missing = shortfalls(zcprobe("doctor", "-J", before=few))
    assert set(missing) == {"privileges", "kallsyms", "namespaces", "lab", *BPF}
    assert "without CAP_NET_ADMIN, CAP_IPC_LOCK, CAP_SYS_ADMIN" in missing["privileges"]["found"]
    what, hint = refusal(zcprobe(*RUN_TO_SINK, before=few))
    assert "hides all addresses" in what
    assert "CAP_SYSLOG" in hint
    assert sends(zcprobe(*RUN_TO_SINK, "--probes", "none", before=few)) == 23
    assert sends(zcprobe(*RUN_TO_SINK, before=with_capabilities("bpf", "perfmon", "syslog"))) == 23


def test_a_hidden_symbol_is_named_and_runs_go_without_probes(zcprobe: Command) -> None:
    missing = shortfalls(zcprobe("doctor", "-J", before=WITHOUT_SYMBOL))
    assert set(missing) == {"kallsyms", *BPF}
    assert missing["kallsyms"]["found"].endswith("symbols, but not sock_ofree")
    assert missing["BPF tracepoint"]["found"] == "/proc/kallsyms does not show sock_ofree"
    what, hint = refusal(zcprobe(*RUN, before=WITHOUT_SYMBOL))
    assert what == "zcprobe: /proc/kallsyms does not show sock_ofree"
    assert "--probes none" in hint
    assert sends(zcprobe(*RUN, "--probes", "none", before=WITHOUT_SYMBOL)) == 23


@pytest.mark.parametrize("mechanism", ["fentry", "kprobe"])
def test_a_hidden_function_is_named_and_tracepoints_do_without_it(mechanism: str, zcprobe: Command) -> None:
    what, hint = refusal(zcprobe(*RUN, "--mechanism", mechanism, before=WITHOUT_FUNCTION))
    assert f"{mechanism}: optmem: no function sock_omalloc (inlined or absent)" in what
    assert "--probes none" in hint
    assert sends(zcprobe(*RUN, "--mechanism", "tracepoint", before=WITHOUT_FUNCTION)) == 23


def test_without_netem_the_reordered_link_alone_is_refused(zcprobe: Command, has_netem: bool) -> None:
    words = ("run", "--scenario", "reordered-link", "-n", "509", "-J")
    if has_netem:
        assert sends(zcprobe(*words)) == 509
        return
    what, hint = refusal(zcprobe(*words))
    assert what == "zcprobe: this kernel has no netem qdisc"
    assert hint == "use a kernel with CONFIG_NET_SCH_NETEM (built in, or load the modules)"
