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
    "Mechanism",
    "describe_failure",
    "requires",
]


class Mechanism(msgspec.Struct, frozen=True):
    """`name` as people know it; `configs` are the kernel options that provide it."""

    name: str
    configs: tuple[str, ...]


NETNS = Mechanism("network namespaces", ("CONFIG_NET_NS",))
VETH = Mechanism("veth devices", ("CONFIG_VETH",))
LINK = Mechanism("network devices of this host in a namespace", ("CONFIG_NET_NS",))
IFB = Mechanism("IFB devices", ("CONFIG_IFB",))
IPV6 = Mechanism("IPv6 addresses", ("CONFIG_IPV6",))
TBF = Mechanism("TBF qdisc", ("CONFIG_NET_SCH_TBF",))
NETEM = Mechanism("netem qdisc", ("CONFIG_NET_SCH_NETEM",))
CLSACT = Mechanism("clsact qdisc", ("CONFIG_NET_SCH_INGRESS",))
MIRRED = Mechanism(
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


def describe_failure(mechanism: Mechanism, code: int, detail: str) -> HostError:
    """The HostError for errno `code`, which the kernel returned for `mechanism`."""
    if code in _ABSENT[mechanism]:
        return HostError(
            f"this kernel has no {mechanism.name}",
            f"use a kernel with {', '.join(mechanism.configs)} (built in, or load the modules)",
        )
    if code in (errno.EPERM, errno.EACCES):
        return HostError(
            f"not allowed to set up {mechanism.name}",
            "run as root with CAP_NET_ADMIN and CAP_SYS_ADMIN; a container needs both granted",
        )
    reason = detail or os.strerror(code)
    return HostError(
        f"{mechanism.name} could not be set up: {reason}", "run zcprobe doctor to see what this host lacks"
    )


@contextmanager
def requires(mechanism: Mechanism) -> Iterator[None]:
    """Turns the kernel's refusals inside the block into a HostError about `mechanism`."""
    try:
        yield
    except OSError as error:
        raise describe_failure(mechanism, error.errno or 0, str(error)) from error
    except netlink_error() as error:
        raise describe_failure(mechanism, error.code, str(error.args[-1])) from error
