"""Whether each BPF mechanism works on this host: by loading and attaching a program, and if not, why not."""

import errno
import os
from collections.abc import Callable
from contextlib import suppress

import msgspec

from zcprobe.config import ProbeMechanism
from zcprobe.errors import HostError
from zcprobe.host.btf import open_btf
from zcprobe.host.limits import read_limits
from zcprobe.host.system import read_system
from zcprobe.native import lib
from zcprobe.probes.base import MECHANISMS
from zcprobe.probes.bcc_backend import Program
from zcprobe.probes.loading import KPROBES, WITNESS, missing_symbols

__all__ = ["Trial", "explain", "try_mechanisms"]

_ENOTSUPP = 524
"""The kernel's own number, which has no name in user space: no ftrace on this architecture or in this build."""


class Trial(msgspec.Struct, frozen=True):
    """`refusal` is why it does not work, None when it does."""

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


def _try_fentry() -> None:
    status = lib.zc_try_function(WITNESS.encode())
    if status:
        lacking = [name for name in ("CAP_BPF", "CAP_PERFMON") if name not in read_limits().capabilities]
        raise HostError(explain(-status, lacking, read_system().lockdown), "")


def _try_kprobe() -> None:
    if not KPROBES.exists():
        raise HostError("the kernel has no kprobes (CONFIG_KPROBES, CONFIG_KPROBE_EVENTS)", "")
    program = Program("int on_trial(void *ctx) { return 0; }", {})
    try:
        program.attach_kprobe(WITNESS, "on_trial")
    finally:
        program.close()


def _try_tracepoint() -> None:
    program = Program("int on_trial(struct bpf_raw_tracepoint_args *ctx) { return 0; }", {})
    try:
        program.attach_raw_tracepoint("consume_skb", "on_trial")
    finally:
        program.close()


_TRIALS: dict[ProbeMechanism, Callable[[], None]] = {
    "fentry": _try_fentry,
    "kprobe": _try_kprobe,
    "tracepoint": _try_tracepoint,
}


def try_mechanisms() -> list[Trial]:
    """One trial each, in the order of preference: what the probes need of the kernel, then one program for real."""
    missing: dict[ProbeMechanism, str | None] = dict.fromkeys(MECHANISMS)
    with suppress(HostError), open_btf() as btf:  # without BTF there is another check that says so
        missing = missing_symbols(btf)
    trials = []
    for mechanism in MECHANISMS:
        try:
            _TRIALS[mechanism]()
            trials.append(Trial(mechanism, missing[mechanism]))
        except HostError as error:
            trials.append(Trial(mechanism, str(error)))
    return trials
