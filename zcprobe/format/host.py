# SPDX-License-Identifier: GPL-2.0-only
"""The host on which a run was made: the member `host` of run.json."""

import msgspec

__all__ = ["Host", "SystemFacts"]


class SystemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which kernel and which distribution. `lockdown` is none, integrity or confidentiality; None if the kernel has no
    lockdown or securityfs is not mounted."""

    kernel_release: str
    kernel_version: str
    machine: str
    distribution: str
    boot_id: str
    lockdown: str | None


class Host(SystemFacts, frozen=True, kw_only=True):
    """`cpu_count` is the number of CPUs that zcprobe could use; `governor` is None in most virtual machines.
    `load_1min` is the load average when the run began; `memory_bytes` is MemTotal."""

    cpu_count: int
    cpu_model: str
    governor: str | None
    load_1min: float | None
    clocksource: str
    memory_bytes: int
