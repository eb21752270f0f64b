# SPDX-License-Identifier: GPL-2.0-only
"""Kernel mechanisms from which the lab is built, and the errors for those that the running kernel lacks."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from zcprobe.errors import HostError
from zcprobe.lab.netlink import netlink_error

__all__ = [
    "CLSACT",
    "IFB",
    "IPV6",
    "LINK",
    "MIRRED",
    "NETEM",
    "NETNS",
    "TBF",
    "VETH",
    "Requirement",
    "describe_failure",
    "requires",
]


class Requirement(msgspec.Struct, frozen=True):
    """`name` as people know it; `configs` are the kernel options that provide it."""

    name: str
    configs: tuple[str, ...]


NETNS = Requirement("network namespaces", ("CONFIG_NET_NS",))
VETH = Requirement("veth devices", ("CONFIG_VETH",))
LINK = Requirement("network devices of this host in a namespace", ("CONFIG_NET_NS",))
IFB = Requirement("IFB devices", ("CONFIG_IFB",))
IPV6 = Requirement("IPv6 addresses", ("CONFIG_IPV6",))
TBF = Requirement("TBF qdisc", ("CONFIG_NET_SCH_TBF",))
NETEM = Requirement("netem qdisc", ("CONFIG_NET_SCH_NETEM",))
CLSACT = Requirement("clsact qdisc", ("CONFIG_NET_SCH_INGRESS",))
MIRRED = Requirement(
    "u32 filter with mirred action", ("CONFIG_NET_CLS_U32", "CONFIG_NET_CLS_ACT", "CONFIG_NET_ACT_MIRRED")
)

# rtnl_newlink answers EOPNOTSUPP for an unknown kind of device, qdisc_create and tc_new_tfilter answer ENOENT,
# tcf_action_init_1 ENOENT for an action without module; an address of an absent family is EOPNOTSUPP or EAFNOSUPPORT,
# and unshare() without CONFIG_NET_NS is EINVAL.
_ABSENT = {
    NETNS: {errno.EINVAL, errno.ENOSYS},
    VETH: {errno.EOPNOTSUPP},
    LINK: set(),
    IFB: {errno.EOPNOTSUPP},
    IPV6: {errno.EOPNOTSUPP, errno.EAFNOSUPPORT},
    TBF: {errno.ENOENT},
    NETEM: {errno.ENOENT},
    CLSACT: {errno.ENOENT},
    MIRRED: {errno.ENOENT, errno.EOPNOTSUPP},
}


def describe_failure(requirement: Requirement, code: int, detail: str) -> HostError:
    """The HostError for errno `code` that the kernel gave when asked for `requirement`."""
    if code in _ABSENT[requirement]:
        return HostError(
            f"this kernel has no {requirement.name}",
            f"use a kernel with {', '.join(requirement.configs)} (built in, or load the modules)",
        )
    if code in (errno.EPERM, errno.EACCES):
        return HostError(
            f"not allowed to set up {requirement.name}",
            "run as root with CAP_NET_ADMIN and CAP_SYS_ADMIN; a container needs both granted",
        )
    reason = detail or os.strerror(code)
    return HostError(
        f"{requirement.name} could not be set up: {reason}", "run zcprobe doctor to see what this host lacks"
    )


@contextmanager
def requires(requirement: Requirement) -> Iterator[None]:
    """Turn what the kernel refuses inside the block into a HostError about `requirement`."""
    try:
        yield
    except OSError as error:
        raise describe_failure(requirement, error.errno or 0, str(error)) from error
    except netlink_error() as error:
        raise describe_failure(requirement, error.code, str(error.args[-1])) from error
