# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

from zcprobe.host.cpu import parse_colon_fields, read_memory_bytes

CPUINFO = """\
processor\t: 0
vendor_id\t: AuthenticAMD
model name\t: AMD EPYC
power management:

processor\t: 1
vendor_id\t: AuthenticAMD
model name\t: the second one
"""
MEMINFO = """\
MemTotal:       24684084 kB
MemFree:        23929768 kB
MemAvailable:   24223704 kB
"""


def test_the_first_processor_stands_for_all() -> None:
    fields = parse_colon_fields(CPUINFO)
    assert fields["model name"] == "AMD EPYC"
    assert fields["processor"] == "0"
    assert fields["power management"] == ""


def test_memory_is_in_bytes(tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text(MEMINFO)
    assert read_memory_bytes(path) == 24684084 * 1024
