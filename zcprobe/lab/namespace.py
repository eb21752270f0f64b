# SPDX-License-Identifier: GPL-2.0-only
"""One network namespace: make it, find it, work inside it, remove it.

Everything that happens inside a namespace happens in a short-lived thread that enters it, so the calling thread never
leaves its own. pyroute2's NetNS would start a helper process instead.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from zcprobe.lab.netlink import attach_namespace, remove_namespace_name
from zcprobe.lab.requirements import NETNS, requires

__all__ = [
    "NAMESPACE_FOLDER",
    "NAMESPACE_PREFIX",
    "is_namespace",
    "list_namespaces",
    "make_namespace",
    "namespace_path",
    "remove_namespace",
    "run_in_namespace",
]

NAMESPACE_FOLDER = Path("/var/run/netns")
"""The folder in which `ip netns` looks too."""

NAMESPACE_PREFIX = "zcprobe-"

_CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")


def namespace_path(name: str) -> Path:
    return NAMESPACE_FOLDER / name


def list_namespaces() -> list[str]:
    """Names of all namespaces that have the form of zcprobe's, whoever made them."""
    if not NAMESPACE_FOLDER.is_dir():
        return []
    return sorted(path.name for path in NAMESPACE_FOLDER.iterdir() if path.name.startswith(NAMESPACE_PREFIX))


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)


def _run_in_thread(function: Callable[[], Result]) -> Result:
    # Leaving the pool waits for the thread, so the thread has left the namespace and closed its descriptors by then.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="zcprobe-lab") as pool:
        return pool.submit(function).result()


def make_namespace(name: str, on_made: Callable[[int], None] = lambda inode: None) -> int:
    """Makes a namespace of that name, as `ip netns add` does, and returns its inode; HostError if the host refuses.

    Calls `on_made` with the inode before the namespace has a name; until then it ends with this process.
    """

    def unshare_and_bind() -> int:
        _call("unshare", _CLONE_NEWNET)
        inode = os.stat("/proc/thread-self/ns/net").st_ino
        on_made(inode)
        attach_namespace(name)
        return inode

    with requires(NETNS):
        return _run_in_thread(unshare_and_bind)


def is_namespace(name: str, inode: int) -> bool | None:
    """Whether the name is that of the namespace of that inode, or of a file to which it was about to be bound; None if
    the name does not exist."""
    try:
        status = os.stat(namespace_path(name), follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_unbound = stat.S_ISREG(status.st_mode) and not status.st_size and status.st_dev != _nsfs()
    return is_unbound or (status.st_dev == _nsfs() and status.st_ino == inode)


def _nsfs() -> int:
    """The device of the file system of namespaces: only on this device inodes are those of namespaces."""
    return os.stat("/proc/self/ns/net").st_dev


def remove_namespace(name: str, inode: int) -> bool:
    """Removes the name of the namespace of that inode, which ends with its last process and socket. Returns False if
    there was none. FileExistsError if another namespace has the name."""
    found = is_namespace(name, inode)
    if found is None:
        return False
    if not found:
        raise FileExistsError(errno.EEXIST, "another network namespace has its name", name)
    remove_namespace_name(name)
    return True


def run_in_namespace(name: str, function: Callable[[], Result]) -> Result:
    """The result of `function`, called in the namespace; its exceptions pass through.

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
