# SPDX-License-Identifier: GPL-2.0-only
import ctypes
import subprocess
from pathlib import Path

from zcprobe.host.limits import CAPABILITIES, read_limits

PR_CAPBSET_READ = 23


def test_optmem_is_what_sysctl_says() -> None:
    assert read_limits().optmem_max_bytes == int(Path("/proc/sys/net/core/optmem_max").read_text())


def test_per_namespace_means_that_a_write_inside_stays_inside() -> None:
    before = Path("/proc/sys/net/core/optmem_max").read_text()
    limits = read_limits()
    assert limits.optmem_per_namespace is not None
    if limits.optmem_per_namespace:
        script = "echo 20480 >/proc/sys/net/core/optmem_max && cat /proc/sys/net/core/optmem_max"
        command = ["unshare", "--net", "sh", "-c", script]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "20480\n"
    assert Path("/proc/sys/net/core/optmem_max").read_text() == before


def test_root_holds_what_its_bounding_set_allows() -> None:
    libc = ctypes.CDLL(None)
    allowed = tuple(name for name, bit in CAPABILITIES.items() if libc.prctl(PR_CAPBSET_READ, bit, 0, 0, 0) == 1)
    assert read_limits().capabilities == allowed
