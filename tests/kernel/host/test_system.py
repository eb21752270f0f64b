# SPDX-License-Identifier: GPL-2.0-only
import os

import msgspec

from zcprobe.format.host import Host
from zcprobe.host.cpu import host_metadata


def test_metadata_describes_this_host_and_survives_json() -> None:
    metadata = host_metadata()
    assert metadata.kernel_release == os.uname().release
    assert metadata.cpu_count == len(os.sched_getaffinity(0))
    assert metadata.memory_bytes == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert metadata.clocksource
    assert msgspec.json.decode(msgspec.json.encode(metadata), type=Host) == metadata
