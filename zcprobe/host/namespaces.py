# SPDX-License-Identifier: GPL-2.0-only
"""Whether this process may make network namespaces, and whether optmem_max belongs to each."""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zcprobe.errors import HostError

__all__ = ["optmem_is_per_namespace", "run_in_new_namespace", "try_network_namespace"]

OPTMEM_MAX = Path("/proc/sys/net/core/optmem_max")

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_INTERFACE_REQUEST = struct.Struct("16sh22x")

Result = TypeVar("Result")


def _unshare() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise HostError(
            f"cannot make a network namespace: {os.strerror(ctypes.get_errno())}",
            "run as root with CAP_SYS_ADMIN; a container needs --privileged or --cap-add SYS_ADMIN",
        )


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            fcntl.ioctl(asked, _SIOCSIFFLAGS, _INTERFACE_REQUEST.pack(b"lo", _IFF_UP))
        except OSError as error:
            raise HostError(
                f"the loopback interface of a new network namespace cannot be brought up: {error.strerror}",
                "run as root with CAP_NET_ADMIN",
            ) from error


def run_in_new_namespace(function: Callable[[], Result], *, loopback: bool = False) -> Result:
    """The result of `function`, called in a new thread in a network namespace that ends with the thread. With
    `loopback` its loopback interface is up.

    HostError if the namespace cannot be made. /proc/sys/net shows the namespace of the thread that opens it.
    """

    def enter_and_call() -> Result:
        _unshare()
        if loopback:
            _bring_loopback_up()
        return function()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_call).result()


def try_network_namespace() -> None:
    """Makes a network namespace that ends at once; HostError says why it cannot be made."""
    run_in_new_namespace(lambda: None)


def optmem_is_per_namespace() -> bool:
    """Whether each network namespace has its own optmem_max (since Linux 6.8).

    Before, the file exists only in the initial namespace and the limit applies to all. HostError if this cannot be
    tried.
    """
    return run_in_new_namespace(OPTMEM_MAX.exists)
