# SPDX-License-Identifier: GPL-2.0-only
"""How the probes tell a thread that waits from one that merely sleeps: by the system call in which it sleeps."""

import platform

from zcprobe.host.btf import Btf
from zcprobe.probes.base import Tracepoint

__all__ = ["SWITCH", "lack_of_calls", "wait_definitions"]

SWITCH = Tracepoint("sched_switch", "on_sched_switch", 4, "Linux 5.18", required=False, for_watch=True)

_CALLS = ("poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2")
_NUMBERS = {"x86_64": (7, 271, 23, 270, 232, 281, 441), "aarch64": (None, 73, None, 72, None, 22, 441)}
"""Of the calls, on each machine; None where the machine has no such call."""
_NUMBER_MEMBERS = {"x86_64": "orig_ax", "aarch64": "syscallno"}
"""The member of struct pt_regs that has the number of the call in progress."""
_NO_CALL = 0xFFFF


def lack_of_calls(btf: Btf) -> str | None:
    """Why it cannot be seen in which call a thread sleeps, or None."""
    if not SWITCH.exists(btf):
        return SWITCH.lack(btf)
    machine = platform.machine()
    if machine not in _NUMBERS or btf.offset("pt_regs", _NUMBER_MEMBERS[machine]) is None:
        return f"saved registers of {machine} that zcprobe does not know"
    return None


def wait_definitions(btf: Btf) -> dict[str, int]:
    """The macros with which bpf/waits.h is compiled; none if the kernel lacks something: then every sleep is
    a wait."""
    if lack_of_calls(btf) is not None:
        return {}
    machine = platform.machine()
    numbers = zip(_CALLS, _NUMBERS[machine], strict=True)
    found = {f"CALL_{name}": _NO_CALL if number is None else number for name, number in numbers}
    return {**found, "OFFSET_call_number": btf.offset("pt_regs", _NUMBER_MEMBERS[machine]) or 0}
