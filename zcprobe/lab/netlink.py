# SPDX-License-Identifier: GPL-2.0-only
"""pyroute2, through which the lab talks to the kernel. The parts that it needs are imported when they are first used.

The package itself imports everything it has (its database, its sockets of every family), which takes as long again as
the parts that are used here.
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
    """Inside the context, `import pyroute2.x` does not run the package's own file. A later import of the package runs
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
    """The exception for a refusal by the kernel; `code` is its errno."""
    with _only_parts():
        from pyroute2.netlink.exceptions import NetlinkError
    kind: type[NetlinkError] = NetlinkError
    return kind


def attach_namespace(name: str) -> None:
    """Binds the network namespace of the calling thread to a name, as `ip netns attach` does. OSError."""
    with _only_parts():
        from pyroute2 import netns
    # not by a thread id, because ids in a pid namespace may differ from those in /proc
    netns.attach(name, "thread-self")


def remove_namespace_name(name: str) -> None:
    """Removes the name. FileNotFoundError if it does not exist."""
    with _only_parts():
        from pyroute2 import netns
    netns.remove(name)
