# SPDX-License-Identifier: GPL-2.0-only
"""BPF iterators over the descriptors of a process: which sockets it has, with nothing on its send path.

The kernel runs the program when somebody reads, in the reader, once for each descriptor. Only the types of the running
kernel (BTF) are needed: neither its symbols nor functions or tracepoints to attach to.
"""

import errno
import os
from typing import Self

from zcprobe.errors import HostError
from zcprobe.host.btf import Btf, open_btf
from zcprobe.host.limits import read_capabilities
from zcprobe.host.system import read_system
from zcprobe.native import lib
from zcprobe.native.status import require_os
from zcprobe.probes.base import read_source
from zcprobe.probes.bcc_backend import Program
from zcprobe.probes.layout import type_definitions

__all__ = ["SOURCE", "SocketIterators", "iterator_definitions", "read_iterator", "try_iterators"]

SOURCE = "sockets.bpf.c"
_TARGET = "task_file"
_NOTHING = bytes.fromhex("b700000000000000 9500000000000000")
"""BPF instructions: return 0."""

_READ_BYTES = 65536
_MEMBERS = (
    ("sock", "__sk_common.skc_state"),
    ("sock", "sk_dst_cache"),
    ("sock", "sk_sndbuf"),
    ("tcp_sock", "bytes_sent"),
    ("tcp_sock", "bytes_retrans"),
    ("dst_entry", "dev"),
    ("net_device", "features"),
    ("net_device", "type"),
    ("net_device", "name"),
    ("net_device", "rtnl_link_ops"),
    ("rtnl_link_ops", "kind"),
    ("socket", "sk"),
)

_NEEDED = ("CAP_BPF", "CAP_PERFMON")
_HINT = "run as root, or with CAP_BPF and CAP_PERFMON; zcprobe doctor tells more"


def _refusal(number: int) -> HostError:
    """Why the kernel refuses an iterator, from its errno, the capabilities that we lack and the lockdown mode."""
    lacking = [name for name in _NEEDED if not {name, "CAP_SYS_ADMIN"} & set(read_capabilities())]
    if number == errno.EPERM and lacking:
        return HostError(f"sockets cannot be watched: this process lacks {', '.join(lacking)}", _HINT)
    if number == errno.ENOENT:
        return HostError(
            f"sockets cannot be watched: this kernel has no BPF iterator {_TARGET}", "use a kernel since Linux 6.1"
        )
    lockdown = read_system().lockdown
    if number == errno.EPERM and lockdown not in (None, "none"):
        return HostError(
            f"sockets cannot be watched: the kernel is locked down ({lockdown})",
            "boot without lockdown=confidentiality",
        )
    return HostError(f"sockets cannot be watched: the kernel refuses BPF iterators: {os.strerror(number)}", _HINT)


def _load(btf: Btf, name: str, instructions: bytes) -> int:
    program = lib.zc_iterator_load(btf.handle, name.encode(), instructions, len(instructions), _TARGET.encode())
    if program < 0:
        raise _refusal(-program)
    return int(program)


def _try(btf: Btf) -> None:
    """Loads an iterator that does nothing and restricts it to this process. It takes a millisecond, and needs no
    compiler."""
    program = _load(btf, "on_trial", _NOTHING)
    pidfd = os.pidfd_open(os.getpid())
    try:
        link = lib.zc_iterator_link(program, pidfd)
        if link in (-errno.EINVAL, -errno.E2BIG):
            raise HostError(
                "sockets cannot be watched: this kernel cannot restrict a BPF iterator to one process",
                "use a kernel since Linux 6.1",
            )
        if link < 0:
            raise _refusal(-link)
        os.close(link)
    finally:
        os.close(pidfd)
        os.close(program)


def try_iterators() -> None:
    """HostError says why sockets cannot be watched here by iterators."""
    with open_btf() as btf:
        _try(btf)


def iterator_definitions(btf: Btf) -> dict[str, int]:
    """The macros with which the C is compiled. HostError names what this kernel lacks."""
    return type_definitions(btf, _MEMBERS) | {"TYPED": 1, "ADDRESS_sysctl_optmem_max": 0}


class SocketIterators:
    """Two loaded programs: one writes a `struct zc_socket_look` for each socket of a process, the other only for those
    on which zerocopy is or was in use. HostError if the kernel or the compiler refuses them.

    Under lockdown the records do not name the kind of the device.
    """

    def __init__(self) -> None:
        self._programs: dict[bool, int] = {}
        with open_btf() as btf:
            _try(btf)  # its error is better than the compiler's
            definitions = iterator_definitions(btf)
            if read_system().lockdown != "confidentiality":
                definitions["DEVICE_KIND"] = 1
            compiled = Program(read_source([SOURCE]), definitions)
            try:
                for every, function in ((True, "on_any_socket"), (False, "on_zerocopy_socket")):
                    self._programs[every] = _load(btf, function[:15], compiled.instructions(function))
            except BaseException:
                self.close()
                raise
            finally:
                compiled.close()

    def link(self, pidfd: int, *, every: bool) -> int:
        """A descriptor for `read_iterator`, which tells of the process behind `pidfd`: of all its sockets, or of those
        with zerocopy. OSError."""
        return require_os(lib.zc_iterator_link(self._programs[every], pidfd))

    def close(self) -> None:
        while self._programs:
            os.close(self._programs.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_iterator(link: int) -> bytes:
    """What the program writes now, for the whole process. OSError."""
    fd = require_os(lib.zc_iterator_open(link))
    try:
        parts = []
        while part := os.read(fd, _READ_BYTES):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)
