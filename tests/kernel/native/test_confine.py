# SPDX-License-Identifier: GPL-2.0-only
"""A sink on a kernel that does not accept a filter of system calls."""

import errno
import subprocess
import sys

import pytest

REFUSED = """if True:
    import ctypes, sys
    from zcprobe.native import lib
    seccomp, answer = ctypes.CDLL("libseccomp.so.2"), 0x00050000 | int(sys.argv[1])
    seccomp.seccomp_init.restype = ctypes.c_void_p
    kept = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(0x7FFF0000)))
    number = seccomp.seccomp_syscall_resolve_name(b"seccomp")
    assert seccomp.seccomp_rule_add_array(kept, ctypes.c_uint32(answer), number, 0, None) == 0
    assert seccomp.seccomp_load(kept) == 0
    print(lib.zc_allow_only_receiving())"""
"""After the filter is installed, seccomp(2) fails with that errno."""


@pytest.mark.parametrize(("code", "status"), [(errno.EINVAL, 0), (errno.EPERM, -errno.EPERM)])
def test_without_filters_a_sink_goes_without_but_no_refusal_is_overheard(code: int, status: int) -> None:
    """A kernel without CONFIG_SECCOMP_FILTER says EINVAL."""
    done = subprocess.run([sys.executable, "-c", REFUSED, str(code)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{status}\n", "")
