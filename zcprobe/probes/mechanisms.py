# SPDX-License-Identifier: GPL-2.0-only
"""Whether each BPF mechanism works on this host, found out by loading and attaching a program; and if not, why not."""

import errno
import os
from collections.abc import Callable

import msgspec

from zcprobe.config import ProbeMechanism
from zcprobe.errors import HostError
from zcprobe.host.btf import open_btf
from zcprobe.host.limits import read_limits
from zcprobe.host.system import read_system
from zcprobe.native import ffi, lib
from zcprobe.probes.base import MECHANISMS, read_source
from zcprobe.probes.bcc_backend import Program
from zcprobe.probes.loading import KPROBES, WITNESS, find_definitions, missing_symbols

__all__ = ["Trial", "explain", "try_mechanisms"]

_ENOTSUPP = 524
"""ENOTSUPP, a number of the kernel's without a name in user space: this architecture or build has no ftrace."""


class Trial(msgspec.Struct, frozen=True):
    """`refusal` is the reason why it does not work, or None if it works."""

    mechanism: ProbeMechanism
    refusal: str | None


def explain(number: int, lacking: list[str], lockdown: str | None) -> str:
    """Why the kernel refuses a function program, from its errno, the capabilities we lack and its lockdown mode."""
    if number == errno.EPERM and lacking:
        return f"this process lacks {', '.join(lacking)}"
    if number == errno.EPERM and lockdown not in ("none", None):
        return f"the kernel is locked down ({lockdown}) and does not let even root attach to its functions"
    if number == errno.EPERM:
        return "the kernel does not let even root attach to its functions (Operation not permitted; lockdown unknown)"
    if number in (errno.ENOTSUP, _ENOTSUPP):
        return "the kernel has no trampolines to its functions (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)"
    if number in (errno.ESRCH, errno.ENOENT):
        return f"{WITNESS} is not in the kernel's BTF"
    return f"{WITNESS}: {os.strerror(number)}"


def _try_fentry(program: Program) -> None:
    lockdown = read_system().lockdown
    status = lib.zc_try_function(ffi.NULL, WITNESS.encode())
    if status:
        lacking = [name for name in ("CAP_BPF", "CAP_PERFMON") if name not in read_limits().capabilities]
        raise HostError(explain(-status, lacking, lockdown), "")
    try:
        program.attach_fentry(WITNESS, "on_fentry", returns=False)
    except HostError as error:
        if lockdown == "confidentiality":
            raise HostError(f"the kernel is locked down ({lockdown}): its memory is not for programs", "") from error
        raise


def _try_kprobe(program: Program) -> None:
    if not KPROBES.exists():
        raise HostError("the kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)", "")
    program.attach_kprobe(WITNESS, "on_kprobe")


def _try_tracepoint(program: Program) -> None:
    program.attach_raw_tracepoint("consume_skb", "on_tracepoint")


_TRIALS: dict[ProbeMechanism, Callable[[Program], None]] = {
    "fentry": _try_fentry,
    "kprobe": _try_kprobe,
    "tracepoint": _try_tracepoint,
}


def _find_missing() -> dict[ProbeMechanism, str | None]:
    """What the probes need and the kernel does not show: all of them need its types and its symbols."""
    try:
        with open_btf() as btf:
            find_definitions(btf)
            return missing_symbols(btf)
    except HostError as error:
        return dict.fromkeys(MECHANISMS, str(error))


def try_mechanisms() -> list[Trial]:
    """Tries each mechanism in the order of preference: what the probes need of the kernel, then one real program."""
    missing = _find_missing()
    try:
        program = Program(read_source(["trial.bpf.c"]), {})
    except HostError as error:
        return [Trial(mechanism, str(error)) for mechanism in MECHANISMS]
    trials = []
    try:
        for mechanism in MECHANISMS:
            try:
                _TRIALS[mechanism](program)
                trials.append(Trial(mechanism, missing[mechanism]))
            except HostError as error:
                trials.append(Trial(mechanism, str(error)))
    finally:
        program.close()
    return trials
