"""pyroute2, through which the lab speaks to the kernel. The parts that the lab uses are imported when they are first
used.

The package itself imports all that it has (its database, its sockets of every family), which would double the time that
the parts used here take.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyroute2.iproute.linux import IPRoute
    from pyroute2.netlink.exceptions import NetlinkError

__all__ = ["attach_namespace", "netlink_error", "open_route", "remove_namespace_name"]

_PACKAGE = "pyroute2"


@contextmanager
def _only_parts() -> Iterator[None]:
    """Inside the block `import pyroute2.x` does not run the package's own file. A later import of the package runs
    it."""
    spec = None if _PACKAGE in sys.modules else find_spec(_PACKAGE)
    if spec is None:
        yield
        return
    sys.modules[_PACKAGE] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]


def open_route() -> "IPRoute":
    """A route netlink socket in the network namespace of the calling thread."""
    with _only_parts():
        from pyroute2.iproute.linux import IPRoute
    return IPRoute()


def netlink_error() -> "type[NetlinkError]":
    """The exception for a refusal by the kernel; its `code` is the errno."""
    with _only_parts():
        from pyroute2.netlink.exceptions import NetlinkError
    kind: type[NetlinkError] = NetlinkError
    return kind


def attach_namespace(name: str) -> None:
    """Binds the network namespace of the calling thread to a name, as `ip netns attach` does. OSError."""
    with _only_parts():
        from pyroute2 import netns
    # Without a number: in a pid namespace a thread's number differs from the one in /proc, when that is not its own.
    netns.attach(name, "thread-self")


def remove_namespace_name(name: str) -> None:
    """Removes the name of a network namespace. FileNotFoundError when there is none."""
    with _only_parts():
        from pyroute2 import netns
    netns.remove(name)
