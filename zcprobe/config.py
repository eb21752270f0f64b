"""What one run is asked to do. Everything that is None takes the scenario's own value."""

import os
from typing import Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.policies import find_policy
from zcprobe.units import format_bytes

__all__ = ["MAX_SEND_BYTES", "MAX_SEND_COUNT", "Family", "ProbeChoice", "RunConfig"]

Family = Literal["ipv4", "ipv6"]
ProbeChoice = Literal["auto", "none"]

MAX_SEND_BYTES = 64 * 1024 * 1024
"""Largest -l; a single sendmsg of more pins more than any sender in the field does."""

MAX_SEND_COUNT = 10**12
"""Largest -n: a day holds no more."""

_MAX_DURATION_S = 86400.0


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of one policy in one scenario.

    `send_count` writes of `send_bytes` each, or writes for `duration_s` seconds when it is given. `deadline_s`, on top
    of that, cuts a run that hangs; `settle_s` is the longest wait for late completions once the outcome is known.
    `affinity` pins sender and sink to one CPU each.
    """

    scenario: str = "held-completions"
    policy: str = "qemu-merged"
    family: Family = "ipv4"
    send_bytes: int | None = None
    send_count: int | None = None
    duration_s: float | None = None
    optmem_max_bytes: int | None = None
    deadline_s: float = 30.0
    settle_s: float = 5.0
    meminfo_interval_ns: int = 1_000_000
    zerocopy: bool = True
    record: bool = True
    probes: ProbeChoice = "auto"
    affinity: tuple[int, int] | None = None

    @property
    def limit_s(self) -> float:
        """Longest time until the outcome is known."""
        return (self.duration_s or 0.0) + self.deadline_s

    def validate(self) -> None:
        """UsageError on the first value that no run could have."""
        find_policy(self.policy)
        if self.send_bytes is not None and not 1 <= self.send_bytes <= MAX_SEND_BYTES:
            raise UsageError(
                f"a send of {self.send_bytes} bytes is out of range",
                f"choose -l between 1 and {format_bytes(MAX_SEND_BYTES)}",
            )
        if self.send_count is not None and not 1 <= self.send_count <= MAX_SEND_COUNT:
            raise UsageError(f"{self.send_count} sends are no run", f"choose -n from 1 to {MAX_SEND_COUNT}")
        for name, value in (("-t", self.duration_s), ("--deadline", self.deadline_s), ("--settle", self.settle_s)):
            if value is not None and not 0 < value <= _MAX_DURATION_S:
                raise UsageError(f"{name} {value:g} is out of range", "give seconds, more than 0 and at most a day")
        if self.affinity is not None and not set(self.affinity) <= os.sched_getaffinity(0):
            raise UsageError(
                f"CPUs {self.affinity[0]} and {self.affinity[1]} are not both here",
                f"choose from {', '.join(map(str, sorted(os.sched_getaffinity(0))))}",
            )
        if self.optmem_max_bytes is not None and not 576 <= self.optmem_max_bytes < 2**31:
            raise UsageError(
                f"optmem_max of {self.optmem_max_bytes} bytes is out of range",
                "the kernel needs 576 bytes for the first notification; 131072 is its default",
            )
