"""One network namespace: make it, find it, work inside it, remove it.

Everything that happens inside a namespace happens in a short-lived thread that enters it, so the calling thread never
leaves its own. pyroute2's NetNS would start a helper process instead.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zcprobe.lab.mechanisms import NETNS, requires
from zcprobe.lab.netlink import attach_namespace, remove_namespace_name

__all__ = [
    "NAMESPACE_FOLDER",
    "NAMESPACE_PREFIX",
    "list_namespaces",
    "make_namespace",
    "namespace_path",
    "remove_namespace",
    "run_in_namespace",
]

NAMESPACE_FOLDER = Path("/var/run/netns")
"""Where `ip netns` looks, too."""

NAMESPACE_PREFIX = "zcprobe-"

_CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")


def namespace_path(name: str) -> Path:
    return NAMESPACE_FOLDER / name


def list_namespaces() -> list[str]:
    """Names of all namespaces that zcprobe could have made."""
    if not NAMESPACE_FOLDER.is_dir():
        return []
    return sorted(path.name for path in NAMESPACE_FOLDER.iterdir() if path.name.startswith(NAMESPACE_PREFIX))


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)


def _run_in_thread(function: Callable[[], Result]) -> Result:
    # Leaving the pool waits for the thread, so its namespace and its descriptors are gone by then.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="zcprobe-lab") as pool:
        return pool.submit(function).result()


def make_namespace(name: str) -> None:
    """Make a namespace of that name, as `ip netns add` does; HostError when the host refuses."""

    def unshare_and_bind() -> None:
        _call("unshare", _CLONE_NEWNET)
        attach_namespace(name, threading.get_native_id())

    with requires(NETNS):
        _run_in_thread(unshare_and_bind)


def remove_namespace(name: str) -> bool:
    """Remove the name; the namespace itself ends with its last process and socket. False when there was none."""
    try:
        remove_namespace_name(name)
    except FileNotFoundError:
        return False
    return True


def run_in_namespace(name: str, function: Callable[[], Result]) -> Result:
    """What `function` returns when it runs in the namespace; its exceptions pass through.

    /proc/sys/net shows the namespace of the thread that opens it, so sysctls can be read and written this way.
    """

    def enter_and_call() -> Result:
        fd = os.open(namespace_path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            _call("setns", fd, _CLONE_NEWNET)
        finally:
            os.close(fd)
        return function()

    return _run_in_thread(enter_and_call)
