# SPDX-License-Identifier: GPL-2.0-only
"""The limits a MSG_ZEROCOPY sender meets here: optmem, memlock, and the capabilities that lift them."""

import resource
from pathlib import Path

import msgspec

from zcprobe.errors import HostError
from zcprobe.format.kernel import DEFAULT_TCP_SNDBUF_MAX_BYTES
from zcprobe.host.namespaces import OPTMEM_MAX, optmem_is_per_namespace

__all__ = [
    "CAPABILITIES",
    "INITIAL_USER_NAMESPACE",
    "Limits",
    "effective_capabilities",
    "memlock_applies",
    "read_capabilities",
    "read_limits",
    "read_optmem_max",
    "read_sndbuf_max",
]

CAPABILITIES = {
    "CAP_NET_ADMIN": 12,
    "CAP_IPC_LOCK": 14,
    "CAP_SYS_ADMIN": 21,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}
"""The capabilities that matter to zcprobe, with their bit numbers (include/uapi/linux/capability.h)."""

STATUS = Path("/proc/self/status")

_TCP_WMEM = Path("/proc/sys/net/ipv4/tcp_wmem")
"""Three numbers: the least, the first and the largest size of a send buffer."""

INITIAL_USER_NAMESPACE = 0xEFFFFFFD
"""PROC_USER_INIT_INO: the inode that the kernel gives to its first user namespace."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """None means unlimited in the memlock values, and unknown in the optmem values."""

    optmem_max_bytes: int | None
    optmem_per_namespace: bool | None
    memlock_soft_bytes: int | None
    memlock_hard_bytes: int | None
    capabilities: tuple[str, ...]
    initial_user_namespace: bool

    @property
    def memlock_applies(self) -> bool:
        """Whether pinned pages count against RLIMIT_MEMLOCK.

        mm_account_pinned_pages() exempts processes without a limit, and those with CAP_IPC_LOCK in the initial user
        namespace.
        """
        exempt = "CAP_IPC_LOCK" in self.capabilities and self.initial_user_namespace
        return self.memlock_soft_bytes is not None and not exempt


def effective_capabilities(status: str) -> tuple[str, ...]:
    """The CAPABILITIES that the CapEff line of a /proc/PID/status text lists; HostError without such a line."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            mask = int(line.split()[1], 16)
            return tuple(name for name, bit in CAPABILITIES.items() if mask >> bit & 1)
    raise HostError("/proc/self/status has no CapEff line", "mount /proc")


def read_capabilities() -> tuple[str, ...]:
    """The CAPABILITIES that this process has in effect."""
    return effective_capabilities(STATUS.read_text())


def read_optmem_max(path: Path = OPTMEM_MAX) -> int | None:
    """net.core.optmem_max in bytes; None where it does not exist (a namespace on a kernel before 6.8)."""
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return None


def read_sndbuf_max() -> int:
    """How far TCP lets a send buffer grow in this network namespace, in bytes; where /proc does not say, the kernel's
    default."""
    try:
        return int(_TCP_WMEM.read_text().split()[2])
    except OSError:
        return DEFAULT_TCP_SNDBUF_MAX_BYTES


def _limit(value: int) -> int | None:
    return None if value == resource.RLIM_INFINITY else value


def read_limits() -> Limits:
    """The current limits of this process."""
    try:
        return _read_limits(optmem_is_per_namespace())
    except HostError:
        return _read_limits(None)


def memlock_applies() -> bool:
    """`Limits.memlock_applies` of this process. It makes no network namespace, as `read_limits` does."""
    return _read_limits(None).memlock_applies


def _read_limits(per_namespace: bool | None) -> Limits:
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return Limits(
        optmem_max_bytes=read_optmem_max(),
        optmem_per_namespace=per_namespace,
        memlock_soft_bytes=_limit(soft),
        memlock_hard_bytes=_limit(hard),
        capabilities=read_capabilities(),
        initial_user_namespace=Path("/proc/self/ns/user").stat().st_ino == INITIAL_USER_NAMESPACE,
    )
