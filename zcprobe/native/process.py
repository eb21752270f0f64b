"""What a child process of a run does to itself."""

import os

from zcprobe.errors import HostError
from zcprobe.native import lib

__all__ = ["die_with_parent", "enter_netns", "own_working_directory"]


def die_with_parent() -> None:
    """Be killed when the thread that started this process ends. HostError."""
    status = lib.zc_die_with_parent()
    if status:
        raise HostError(f"PR_SET_PDEATHSIG is refused: {os.strerror(-status)}", "run outside of a restricting sandbox")


def enter_netns(path: str) -> None:
    """Moves this process into the network namespace at `path`. HostError."""
    try:
        with open(path, "rb") as netns:
            status = lib.zc_enter_netns(netns.fileno())
    except OSError as error:
        status = -(error.errno or 0)
    if status:
        raise HostError(f"network namespace {path} cannot be entered: {os.strerror(-status)}", "run as root")


def own_working_directory() -> None:
    """The calling thread's working directory is its own from now on: chdir() there moves no other thread. HostError."""
    status = lib.zc_own_working_directory()
    if status:
        raise HostError(f"unshare(CLONE_FS) is refused: {os.strerror(-status)}", "run outside of a restricting sandbox")
