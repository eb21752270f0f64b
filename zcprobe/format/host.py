# SPDX-License-Identifier: GPL-2.0-only
"""The host on which a run was made: the member `host` of run.json."""

import msgspec

__all__ = ["Host"]


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """`lockdown` is none, integrity or confidentiality, and None where the kernel has no lockdown or securityfs is off.
    `cpu_count` is the number of CPUs that zcprobe could use; `governor` is None in most virtual machines. `load_1min`
    is the load average when the run began; `memory_bytes` is MemTotal."""

    kernel_release: str
    kernel_version: str
    machine: str
    distribution: str
    boot_id: str
    lockdown: str | None
    cpu_count: int
    cpu_model: str
    governor: str | None
    load_1min: float | None
    clocksource: str
    memory_bytes: int
