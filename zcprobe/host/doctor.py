"""What this host can do for zcprobe, each thing tried."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from zcprobe.errors import HostError
from zcprobe.host.limits import CAPABILITIES, Limits, read_limits
from zcprobe.host.namespaces import try_network_namespace
from zcprobe.host.packages import install_command
from zcprobe.host.symbols import read_symbols
from zcprobe.host.system import read_system
from zcprobe.host.zerocopy import try_so_zerocopy, try_zerocopy_send
from zcprobe.units import format_bytes, format_duration_ns

__all__ = ["Check", "Status", "check_host"]

Status = Literal["ok", "limited", "missing"]

_BTF = Path("/sys/kernel/btf/vmlinux")
_BTF_MAGIC = b"\x9f\xeb"
_MOUNTS = Path("/proc/self/mounts")
_ZEROCOPY_SYMBOLS = ("sock_ofree", "msg_zerocopy_realloc")
_IMPORT_TIMEOUT_S = 30


class Check(msgspec.Struct, frozen=True):
    """One thing tried. `limited`: zcprobe works with less; `missing`: some commands cannot. `hint` may be empty."""

    name: str
    status: Status
    found: str
    hint: str = ""


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    """ok with what the attempt found, or missing with what its HostError says."""
    try:
        return Check(name, "ok", attempt())
    except HostError as error:
        return Check(name, "missing", str(error), error.hint)


def _check_privileges(limits: Limits) -> Check:
    lacking = [name for name in CAPABILITIES if name not in limits.capabilities]
    user = f"user id {os.geteuid()}"
    if lacking:
        return Check("privileges", "missing", f"{user}, without {', '.join(lacking)}", "run as root, or with sudo")
    if not limits.initial_user_namespace:
        return Check("privileges", "limited", f"{user} of a user namespace", "run on the host, not in a container")
    return Check("privileges", "ok", f"{user}, with {', '.join(CAPABILITIES)}")


def _kernel() -> str:
    return f"Linux {platform.release()} {platform.machine()}"


def _btf() -> str:
    try:
        with _BTF.open("rb") as file:
            magic = file.read(len(_BTF_MAGIC))
    except OSError as error:
        raise HostError(f"{_BTF}: {error.strerror}", "use a kernel with CONFIG_DEBUG_INFO_BTF=y") from error
    # The magic is in the kernel's byte order, and the offsets behind it too.
    if magic not in (_BTF_MAGIC, _BTF_MAGIC[::-1]):
        raise HostError(f"{_BTF} does not begin like BTF", "use a kernel with CONFIG_DEBUG_INFO_BTF=y")
    return f"{_BTF}, {format_bytes(_BTF.stat().st_size)}"


def _kallsyms() -> str:
    symbols = read_symbols()
    hidden = [name for name in _ZEROCOPY_SYMBOLS if symbols.address_of(name) is None]
    if hidden:
        raise HostError(f"{len(symbols)} symbols, but not {', '.join(hidden)}", "without probes: --probes none")
    return f"{len(symbols)} symbols, among them {', '.join(_ZEROCOPY_SYMBOLS)}"


def _import_elsewhere(statement: str) -> str:
    """What a Python program prints in a process of its own, for an import that maps much memory or may crash."""
    command = [sys.executable, "-W", "ignore", "-c", statement]
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_IMPORT_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"cannot try the import: {error}", "make setup") from error
    if result.returncode == 0:
        return result.stdout.strip()
    last_line = result.stderr.strip().rpartition("\n")[2]
    raise HostError(last_line or f"the import ended with exit code {result.returncode}", "make setup")


def _check_bcc() -> Check:
    try:
        found = _import_elsewhere("import bcc; print(bcc.__file__); bcc.BPF; print(bcc.__version__)")
    except HostError as error:
        if "no attribute 'BPF'" in str(error):
            hint = f"{sys.executable} -m pip uninstall bcc: that project is not the BPF compiler; then make setup"
            return Check("bcc", "missing", "a package named bcc without a BPF class", hint)
        return Check("bcc", "missing", str(error), f"{install_command('bcc')}, then make setup; or use --probes none")
    path, version = found.splitlines()
    return Check("bcc", "ok", f"{version} in {Path(path).parent}")


def _core() -> str:
    return _import_elsewhere("import zcprobe.native._core as core; print(core.__file__)")


def _tracefs() -> str:
    """Never a shortfall: raw tracepoints are opened by bpf(2) alone."""
    mounts = (line.split() for line in _MOUNTS.read_text().splitlines())
    folders = [folder for _, folder, kind, *_ in mounts if kind == "tracefs"]
    return f"on {folders[0]}" if folders else "not mounted; the raw tracepoints zcprobe uses do not need it"


def _check_lockdown() -> Check:
    mode = read_system().lockdown
    if mode == "confidentiality":
        hint = "BPF kprobes are refused; see the BPF mechanisms below for what is left, or boot without lockdown="
        return Check("lockdown", "limited", mode, hint)
    return Check("lockdown", "ok", mode or "this kernel has none, or securityfs is not mounted")


def _check_optmem(limits: Limits) -> Check:
    if limits.optmem_max_bytes is None:
        hint = "run in the initial network namespace: this kernel has optmem_max only there"
        return Check("optmem", "limited", "no net.core.optmem_max in this network namespace", hint)
    found = f"optmem_max {limits.optmem_max_bytes} bytes"
    if limits.optmem_per_namespace is None:
        return Check("optmem", "limited", f"{found}, per namespace or not is unknown", "see namespaces above")
    if limits.optmem_per_namespace:
        return Check("optmem", "ok", f"{found}, per network namespace")
    return Check("optmem", "limited", f"{found}, one for the whole host", "a run changes it for everybody meanwhile")


def _check_memlock(limits: Limits) -> Check:
    value = "unlimited" if limits.memlock_soft_bytes is None else format_bytes(limits.memlock_soft_bytes)
    if not limits.memlock_applies:
        return Check("memlock", "ok", f"{value}, and does not count for this process")
    hint = "ulimit -l unlimited, or run as root outside of a user namespace: sends in flight are pinned pages"
    return Check("memlock", "limited", f"{value}, and counts for this process", hint)


def _namespaces() -> str:
    try_network_namespace()
    return "network namespaces can be made"


def _so_zerocopy() -> str:
    try_so_zerocopy()
    return "accepted on a TCP socket"


def _zerocopy_send() -> str:
    trial = try_zerocopy_send()
    manner = "copied, as always on loopback" if trial.copied else "not copied"
    return (
        f"64 KiB on loopback in {format_duration_ns(trial.send_ns)} ({manner});"
        f" an unread notification holds {trial.charge_bytes} bytes of optmem"
    )


def check_host() -> list[Check]:
    """All checks, in the order in which to mend what they find. About a second."""
    limits = read_limits()
    return [
        _check_privileges(limits),
        _tried("kernel", _kernel),
        _tried("btf", _btf),
        _tried("kallsyms", _kallsyms),
        _check_bcc(),
        _tried("core", _core),
        _tried("tracefs", _tracefs),
        _check_lockdown(),
        _tried("namespaces", _namespaces),
        _check_optmem(limits),
        _check_memlock(limits),
        _tried("SO_ZEROCOPY", _so_zerocopy),
        _tried("zerocopy send", _zerocopy_send),
    ]
