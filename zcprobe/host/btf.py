# SPDX-License-Identifier: GPL-2.0-only
"""Structure layouts of the running kernel, read from its BTF and never from another kernel's headers."""

from collections.abc import Iterator
from contextlib import contextmanager

from zcprobe.native import lib
from zcprobe.native.status import require_handle

__all__ = ["Btf", "open_btf"]


class Btf:
    """The running kernel's types; valid inside `open_btf()` only."""

    def __init__(self, handle: object) -> None:
        self.handle = handle

    def offset(self, structure: str, path: str) -> int | None:
        """Byte offset of a member, given as `"member.inner"`; anonymous members are searched too. None if there is
        none."""
        offset = int(lib.zc_btf_offset(self.handle, structure.encode(), path.encode()))
        return None if offset < 0 else offset

    def size(self, structure: str) -> int | None:
        """sizeof(struct), or None when the kernel has no such struct."""
        size = int(lib.zc_btf_size(self.handle, structure.encode()))
        return None if size < 0 else size

    def tracepoint_arguments(self, name: str) -> int | None:
        """How many arguments the raw tracepoint passes, or None when the kernel has no such tracepoint."""
        count = int(lib.zc_btf_tracepoint_args(self.handle, name.encode()))
        return None if count < 0 else count

    def function_arguments(self, name: str) -> int | None:
        """How many arguments a kernel function takes, or None when it has no BTF: inlined, cloned or absent."""
        count = int(lib.zc_btf_function_args(self.handle, name.encode()))
        return None if count < 0 else count

    def enum_value(self, enumeration: str, name: str) -> int | None:
        """Value of a constant of `enum <enumeration>`, or None."""
        value = int(lib.zc_btf_enum_value(self.handle, enumeration.encode(), name.encode()))
        return None if value < 0 else value


@contextmanager
def open_btf() -> Iterator[Btf]:
    """Reads /sys/kernel/btf/vmlinux (about 15 ms); HostError when the kernel has none."""
    handle = require_handle(
        lib.zc_btf_open(),
        "the kernel's type information cannot be read",
        "run a kernel built with CONFIG_DEBUG_INFO_BTF=y, or use --probes none",
    )
    try:
        yield Btf(handle)
    finally:
        lib.zc_btf_close(handle)
