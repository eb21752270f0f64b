# SPDX-License-Identifier: GPL-2.0-only
"""bpf(2), as far as an inventory needs it: bpftool is not everywhere."""

import ctypes
import os
import platform
import struct
from pathlib import Path

__all__ = ["ids_of", "pin_foreign_map"]

_NUMBER = {"x86_64": 321, "aarch64": 280}
_NEXT_ID = {"prog": 11, "map": 12, "link": 31}
_MAP_CREATE = 0
_OBJ_PIN = 6
_ARRAY = 2


def _call(command: int, attributes: bytearray) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(attributes)).from_buffer(attributes)
    result = int(libc.syscall(_NUMBER[platform.machine()], command, buffer, len(attributes)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def ids_of(kind: str) -> set[int]:
    """Ids of every program, map or link (`prog`, `map`, `link`) that the kernel has now."""
    found: set[int] = set()
    last = 0
    while True:
        attributes = bytearray(struct.pack("=III4x", last, 0, 0))
        try:
            _call(_NEXT_ID[kind], attributes)
        except FileNotFoundError:
            return found
        last = struct.unpack_from("=I", attributes, 4)[0]
        found.add(last)


def pin_foreign_map(path: Path) -> None:
    """A map that stays while the path does."""
    fd = _call(_MAP_CREATE, bytearray(struct.pack("=IIIII44x", _ARRAY, 4, 4, 1, 0)))
    name = ctypes.create_string_buffer(os.fsencode(path))
    _call(_OBJ_PIN, bytearray(struct.pack("=QII", ctypes.addressof(name), fd, 0)))
    os.close(fd)
