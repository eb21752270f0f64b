# SPDX-License-Identifier: GPL-2.0-only
"""What a child process of a run does to itself."""

import resource
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from zcprobe.caller import sudo_ids
from zcprobe.errors import HostError
from zcprobe.native import lib
from zcprobe.native.status import require

__all__ = [
    "CAP_IPC_LOCK",
    "CAP_KILL",
    "CAP_NET_ADMIN",
    "allow_only_receiving",
    "die_with_parent",
    "enter_netns",
    "give_up_root",
    "keep_capabilities",
    "limit_locked_memory",
    "own_working_directory",
    "using_only",
]

CAP_KILL = 5
CAP_NET_ADMIN = 12
CAP_IPC_LOCK = 14

_NOBODY = (65534, 65534)
"""User and group of nobody, the same in every distribution; the group is called nobody or nogroup."""


def _check(what: str, status: int) -> None:
    require(status, what, "run outside of a restricting sandbox")


def die_with_parent() -> None:
    """Has this process killed when the thread that started it ends. HostError."""
    _check("PR_SET_PDEATHSIG is refused", lib.zc_die_with_parent())


def enter_netns(path: str) -> None:
    """Moves this process into the network namespace at `path`. HostError."""
    try:
        with open(path, "rb") as netns:
            status = lib.zc_enter_netns(netns.fileno())
    except OSError as error:
        status = -(error.errno or 0)
    require(status, f"network namespace {path} cannot be entered", "run as root")


def own_working_directory() -> None:
    """Gives the calling thread a working directory of its own: its chdir() moves no other thread. HostError."""
    _check("unshare(CLONE_FS) is refused", lib.zc_own_working_directory())


def _mask(capabilities: Iterable[int]) -> int:
    return sum(1 << capability for capability in set(capabilities))


def keep_capabilities(*kept: int) -> None:
    """Gives up every other capability, in this thread and those that it starts. HostError."""
    _check("capabilities cannot be given up", lib.zc_keep_capabilities(_mask(kept)))


@contextmanager
def using_only(*used: int) -> Iterator[None]:
    """Puts aside every other capability of this thread meanwhile. HostError."""
    _check("capabilities cannot be put aside", lib.zc_use_capabilities(_mask(used)))
    try:
        yield
    finally:
        _check("capabilities cannot be taken up again", lib.zc_use_capabilities(2**64 - 1))


def limit_locked_memory(count: int) -> None:
    """Sets RLIMIT_MEMLOCK to `count` bytes, for good. HostError above a lower hard limit, which CAP_SYS_RESOURCE alone
    lifts."""
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (count, count))
    except (ValueError, OSError):
        hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
        raise HostError(
            f"a memlock limit of {count} bytes cannot be set: the hard limit is {hard}",
            f"raise it: ulimit -l {-(-count // 1024)}",
        ) from None


def give_up_root(*kept: int) -> None:
    """Makes this process the user behind sudo, or else nobody, with these capabilities alone and no way to others.

    Without CAP_SETUID, CAP_SETGID and CAP_KILL it stays the user that it is. Call it before threads are
    started, which would keep what they have. HostError.
    """
    caller = sudo_ids()
    uid, gid = caller if caller is not None and caller[0] != 0 else _NOBODY
    _check("root cannot be given up", lib.zc_give_up_root(uid, gid, _mask(kept)))


def allow_only_receiving() -> None:
    """Makes system calls that a sink does not need fail from now on. HostError."""
    _check("the sink cannot be confined", lib.zc_allow_only_receiving())
