# SPDX-License-Identifier: GPL-2.0-only
"""The processors, their clock, the memory; and all facts that a run's metadata keeps about its host."""

import os
from pathlib import Path

import msgspec

from zcprobe.format.host import Host
from zcprobe.host.system import read_system

__all__ = ["CpuFacts", "host_metadata", "parse_colon_fields", "read_cpu", "read_memory_bytes"]

_CPUINFO = Path("/proc/cpuinfo")
_MEMINFO = Path("/proc/meminfo")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CLOCKSOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


class CpuFacts(msgspec.Struct, frozen=True, kw_only=True):
    """`cpu_count` is what this process may use; `governor` is None in most virtual machines."""

    cpu_count: int
    cpu_model: str
    governor: str | None
    load_1min: float
    clocksource: str


def parse_colon_fields(text: str) -> dict[str, str]:
    """Fields of `name : value` lines, the first of each name: of /proc/cpuinfo that is the first processor."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), value.strip())
    return fields


def read_memory_bytes(path: Path = _MEMINFO) -> int:
    """Memory the kernel manages (MemTotal, which the kernel gives in KiB)."""
    return int(parse_colon_fields(path.read_text())["MemTotal"].removesuffix("kB")) * 1024


def read_cpu() -> CpuFacts:
    processor = parse_colon_fields(_CPUINFO.read_text())
    return CpuFacts(
        cpu_count=len(os.sched_getaffinity(0)),
        # Arm kernels name the part by number only.
        cpu_model=processor.get("model name") or f"part {processor.get('CPU part', 'unknown')}",
        governor=_GOVERNOR.read_text().strip() if _GOVERNOR.exists() else None,
        load_1min=os.getloadavg()[0],
        clocksource=_CLOCKSOURCE.read_text().strip(),
    )


def host_metadata() -> Host:
    """What run.json keeps about this host."""
    return Host(
        **msgspec.structs.asdict(read_system()),
        **msgspec.structs.asdict(read_cpu()),
        memory_bytes=read_memory_bytes(),
    )
