# SPDX-License-Identifier: GPL-2.0-only
"""What boots in the guest that is migrated: a kernel of Debian's, and an initramfs with one program, guest.c."""

from pathlib import Path

from tests.guests.fetch import fetch as fetch_kernel
from tests.guests.kernels import find_kernel
from tests.senders.programs import build

__all__ = ["DIRTY_MIB_PER_S", "MEMORY_MIB", "READY", "WORKING_SET_MIB", "archive_of", "boot_options"]

MEMORY_MIB = 1024
WORKING_SET_MIB = 512
DIRTY_MIB_PER_S = 100
READY = "guest: ready"
"""The line that the guest prints once its pages are filled."""

_EXECUTABLE = 0o100755


def _entry(number: int, name: str, mode: int, content: bytes = b"") -> bytes:
    """A file of a cpio archive in the format `newc`: a header of hexadecimal numbers, the name, the content, the last
    two filled up to a multiple of four bytes."""
    name_bytes = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name_bytes), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name_bytes
    return _filled(head) + _filled(content)


def _filled(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


def archive_of(init: bytes) -> bytes:
    """An initramfs whose only program is `init`."""
    return _entry(1, "init", _EXECUTABLE, init) + _entry(0, "TRAILER!!!", 0)


def boot_options(folder: Path) -> list[str]:
    """The options of QEMU that boot the guest; its initramfs is written into `folder`."""
    init = build("guest.c", folder, "-static")
    initramfs = folder / "initramfs"
    initramfs.write_bytes(archive_of(init.read_bytes()))
    words = f"console=ttyS0 quiet panic=-1 zc_mib={WORKING_SET_MIB} zc_dirty_mib={DIRTY_MIB_PER_S}"
    kernel = fetch_kernel(find_kernel("6.12"))
    return ["-kernel", str(kernel.vmlinuz), "-initrd", str(initramfs), "-append", words]
