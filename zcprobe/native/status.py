# SPDX-License-Identifier: GPL-2.0-only
"""What a call into the C core returned: the one place where a negative errno becomes an exception."""

import os
from typing import Any

from zcprobe.errors import HostError, ZcprobeError
from zcprobe.native import ffi

__all__ = ["require", "require_handle", "require_os"]


def require(status: int, what: str, hint: str, error: type[ZcprobeError] = HostError) -> int:
    """`status`, unless it is a negative errno: then `error` says `what` went wrong and what the errno means."""
    if status < 0:
        raise error(f"{what}: {os.strerror(-status)}", hint)
    return int(status)


def require_handle(handle: Any, what: str, hint: str) -> Any:
    """`handle`, unless it is NULL: then HostError says `what` went wrong and what errno means, which the core has set.

    Nothing that sets errno may run between the call that returned the handle and this one.
    """
    if handle == ffi.NULL:
        raise HostError(f"{what}: {os.strerror(ffi.errno)}", hint)
    return handle


def require_os(status: int) -> int:
    """`status`, unless it is a negative errno: then OSError of the class that Python has for it, as from a socket."""
    if status < 0:
        raise OSError(-status, os.strerror(-status))
    return int(status)
