# SPDX-License-Identifier: GPL-2.0-only
"""What this host can do for zcprobe; everything is tried."""

import importlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from zcprobe.errors import HostError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES, SKB_TRUESIZE_ZERO_BYTES
from zcprobe.host.limits import CAPABILITIES, Limits, read_limits
from zcprobe.host.namespaces import run_in_new_namespace, try_network_namespace
from zcprobe.host.symbols import read_symbols
from zcprobe.host.system import read_system
from zcprobe.host.zerocopy import ZerocopyTrial, try_so_zerocopy, try_zerocopy_send
from zcprobe.units import format_bytes, format_duration_ns

__all__ = ["Check", "Status", "check_host"]

Status = Literal["ok", "limited", "missing"]

_BTF = Path("/sys/kernel/btf/vmlinux")
_BTF_MAGIC = b"\x9f\xeb"
_MOUNTS = Path("/proc/self/mounts")
_ZEROCOPY_SYMBOLS = ("sock_ofree", "msg_zerocopy_realloc")


class Check(msgspec.Struct, frozen=True):
    """One thing that was tried. `limited`: zcprobe works, but can do less; `missing`: some commands do not work. `hint`
    may be empty."""

    name: str
    status: Status
    found: str
    hint: str = ""


def _tried(name: str, attempt: Callable[[], str]) -> Check:
    """`ok` with what the attempt found, or `missing` with the text of its HostError."""
    try:
        return Check(name, "ok", attempt())
    except HostError as error:
        return Check(name, "missing", str(error), error.hint)


_NEEDED = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN")
"""What a run with its own namespaces needs. CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON."""


def _check_privileges(limits: Limits) -> Check:
    included = {"CAP_BPF", "CAP_PERFMON"} if "CAP_SYS_ADMIN" in limits.capabilities else set()
    lacking = [name for name in CAPABILITIES if name not in {*limits.capabilities, *included}]
    found = f"user id {os.geteuid()}, " + (
        f"without {', '.join(lacking)}" if lacking else f"with {', '.join(CAPABILITIES)}"
    )
    if os.geteuid() != 0:
        return Check("privileges", "missing", found, "run as root, or with sudo")
    needed = [name for name in _NEEDED if name in lacking]
    if needed:
        hint = f"give this process {', '.join(needed)}: it is root, but a container or service took them away"
        return Check("privileges", "missing", found, hint)
    if not limits.initial_user_namespace:
        return Check("privileges", "limited", f"{found}, of a user namespace", "run on the host, not in a container")
    if lacking:
        return Check("privileges", "limited", found, "runs work without them; see memlock below")
    return Check("privileges", "ok", found)


def _kernel() -> str:
    return f"Linux {platform.release()} {platform.machine()}"


def _btf() -> str:
    try:
        with _BTF.open("rb") as file:
            magic = file.read(len(_BTF_MAGIC))
    except OSError as error:
        raise HostError(f"{_BTF}: {error.strerror}", "use a kernel with CONFIG_DEBUG_INFO_BTF=y") from error
    # The magic number and the offsets after it are in the kernel's byte order.
    if magic not in (_BTF_MAGIC, _BTF_MAGIC[::-1]):
        raise HostError(f"{_BTF} does not begin like BTF", "use a kernel with CONFIG_DEBUG_INFO_BTF=y")
    return f"{_BTF}, {format_bytes(_BTF.stat().st_size)}"


def _kallsyms() -> str:
    symbols = read_symbols()
    hidden = [name for name in _ZEROCOPY_SYMBOLS if symbols.address_of(name) is None]
    if hidden:
        raise HostError(f"{len(symbols)} symbols, but not {', '.join(hidden)}", "without probes: --probes none")
    return f"{len(symbols)} symbols, among them {', '.join(_ZEROCOPY_SYMBOLS)}"


def _core() -> str:
    return str(importlib.import_module("zcprobe.native")._core.__file__)


def _tracefs() -> str:
    """Whether tracefs is mounted. It is never required, because raw tracepoints are opened by bpf(2)."""
    mounts = (line.split() for line in _MOUNTS.read_text().splitlines())
    folders = [folder for _, folder, kind, *_ in mounts if kind == "tracefs"]
    return f"on {folders[0]}" if folders else "not mounted; the raw tracepoints zcprobe uses do not need it"


def _check_lockdown() -> Check:
    mode = read_system().lockdown
    if mode == "confidentiality":
        hint = "the kernel refuses BPF kprobes; see below which BPF mechanisms work, or boot without lockdown="
        return Check("lockdown", "limited", mode, hint)
    return Check("lockdown", "ok", mode or "this kernel has none, or securityfs is not mounted")


def _check_optmem(limits: Limits) -> Check:
    if limits.optmem_max_bytes is None:
        hint = "run in the initial network namespace: this kernel has optmem_max only there"
        return Check("optmem", "limited", "this network namespace has no net.core.optmem_max", hint)
    found = f"optmem_max {limits.optmem_max_bytes} bytes"
    if limits.optmem_max_bytes < SKB_TRUESIZE_ZERO_BYTES:
        hint = f"sysctl net.core.optmem_max={DEFAULT_OPTMEM_BYTES} for senders here; runs with a lab set their own"
        return Check("optmem", "limited", f"{found}, but a notification takes at least {SKB_TRUESIZE_ZERO_BYTES}", hint)
    if limits.optmem_per_namespace is None:
        return Check("optmem", "limited", f"{found}; it is unknown whether it is per namespace", "see namespaces above")
    if limits.optmem_per_namespace:
        return Check("optmem", "ok", f"{found}, per network namespace")
    return Check("optmem", "limited", f"{found}, one for the whole host", "during a run it changes for everybody")


def _check_memlock(limits: Limits) -> Check:
    value = "unlimited" if limits.memlock_soft_bytes is None else format_bytes(limits.memlock_soft_bytes)
    if not limits.memlock_applies:
        return Check("memlock", "ok", f"{value}; it does not apply to this process")
    hint = "ulimit -l unlimited, or run as root outside of a user namespace: sends in flight pin pages"
    return Check("memlock", "limited", f"{value}; it applies to this process", hint)


def _namespaces() -> str:
    try_network_namespace()
    return "network namespaces can be made"


def _so_zerocopy() -> str:
    try_so_zerocopy()
    return "accepted on a TCP socket"


def _describe_send(trial: ZerocopyTrial) -> str:
    manner = "copied, as always on loopback" if trial.copied else "not copied"
    return (
        f"64 KiB on loopback in {format_duration_ns(trial.send_ns)} ({manner});"
        f" an unread notification holds {trial.charge_bytes} bytes of optmem"
    )


def _check_zerocopy_send() -> Check:
    """Tries a zerocopy send here; if it fails, tries again as a run does, with its own loopback interface and
    limits."""
    try:
        return Check("zerocopy send", "ok", _describe_send(try_zerocopy_send()))
    except HostError as error:
        refusal = error
    try:
        run_in_new_namespace(try_zerocopy_send, loopback=True)
    except HostError:
        return Check("zerocopy send", "missing", str(refusal), refusal.hint)
    return Check("zerocopy send", "limited", f"{refusal}; it works in a network namespace of its own", refusal.hint)


def check_host() -> list[Check]:
    """What can be checked without bcc and a lab, in the order in which to fix what is missing."""
    limits = read_limits()
    return [
        _check_privileges(limits),
        _tried("kernel", _kernel),
        _tried("btf", _btf),
        _tried("kallsyms", _kallsyms),
        _tried("core", _core),
        _tried("tracefs", _tracefs),
        _check_lockdown(),
        _tried("namespaces", _namespaces),
        _check_optmem(limits),
        _check_memlock(limits),
        _tried("SO_ZEROCOPY", _so_zerocopy),
        _check_zerocopy_send(),
    ]
