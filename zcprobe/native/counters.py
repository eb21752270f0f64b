# SPDX-License-Identifier: GPL-2.0-only
"""Memory for `struct zc_result` that a sender and its parent share: the parent reads while the loops count."""

import fcntl
import mmap
import os
from typing import Any

from zcprobe.errors import HostError
from zcprobe.native import ffi

__all__ = ["make_counters", "map_counters"]


def make_counters(channels: int) -> int:
    """A descriptor of unnamed memory for the results of that many channels, all 0. Nobody can change its size: whoever
    shortened it would kill the other process. HostError."""
    try:
        fd = os.memfd_create("zcprobe-counters", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, channels * ffi.sizeof("struct zc_result"))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except OSError as error:
        raise HostError(f"there is no memory for counters: {error.strerror}", "leave out -i") from error
    return fd


def map_counters(fd: int, channels: int) -> Any:
    """The memory behind the descriptor as an array of `struct zc_result`, one for each channel. It must be
    kept while one of its elements is used."""
    return ffi.from_buffer("struct zc_result[]", mmap.mmap(fd, channels * ffi.sizeof("struct zc_result")))
