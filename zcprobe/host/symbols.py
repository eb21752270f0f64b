# SPDX-License-Identifier: GPL-2.0-only
"""The running kernel's symbols, from /proc/kallsyms.

Most of the time of a look-up, a tenth of a second, goes into the kernel's writing of the table. So names are searched
in the plain text, and addresses are parsed only for look-ups by address.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zcprobe.errors import HostError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Symbols", "read_symbols", "require_addresses"]

KALLSYMS = Path("/proc/kallsyms")

_BEGINNING_BYTES = 65536
_ADDRESS_DIGITS = 16
_TYPE_COLUMN = _ADDRESS_DIGITS + 1
_NAME_COLUMN = _ADDRESS_DIGITS + len(" t ")
_LINE = re.compile(rb"[0-9a-f]{16} \S \S")
_VISIBLE = re.compile(rb"^(?!0{16} )[0-9a-f]{16} [^Aa]", re.MULTILINE)


class _Index:
    """Where the line of each symbol begins, by ascending address; lines with the same address keep their order."""

    def __init__(self, text: bytes) -> None:
        import numpy as np  # not needed for look-ups by name

        octets = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(octets == ord("\n"))
        starts = np.concatenate(([0], ends[:-1] + 1))
        kinds = octets[starts + _TYPE_COLUMN]
        starts = starts[(kinds != ord("A")) & (kinds != ord("a"))]
        # a view of 16 bytes at every position of the text, from which the beginnings of lines are selected
        digits = np.ndarray((len(text) - _ADDRESS_DIGITS + 1,), f"S{_ADDRESS_DIGITS}", text, strides=(1,))[starts]
        addresses = np.frombuffer(bytes.fromhex(digits.tobytes().decode()), ">u8").astype(np.uint64)
        order = np.argsort(addresses, kind="stable")
        self.addresses: npt.NDArray[np.uint64] = addresses[order]
        self.starts: npt.NDArray[np.int64] = starts[order]

    def first_above(self, address: int) -> int:
        """How many symbols lie at or below the address."""
        return int(self.addresses.searchsorted(self.addresses.dtype.type(address), side="right"))


class Symbols:
    """Names and addresses of one kernel, from lines of `<16 hex digits> <type> <name>[\\t[<module>]]`.

    Several symbols may share an address (`_stext` and the first function), and several static functions may share a
    name. Absolute symbols (type A; per-CPU offsets on x86 before 6.15) are not addresses and are never found.
    """

    def __init__(self, text: bytes) -> None:
        self._text = text if text.endswith(b"\n") else text + b"\n"

    @cached_property
    def _index(self) -> _Index:
        return _Index(self._text)

    def __len__(self) -> int:
        """Number of lines, including absolute symbols."""
        return self._text.count(b"\n")

    def _lines_of(self, name: str) -> Iterator[int]:
        """Where the lines of the symbols of exactly this name begin."""
        for ending in (b"\n", b"\t"):
            found = -1
            while (found := self._text.find(b" " + name.encode() + ending, found + 1)) >= 0:
                start = found + 1 - _NAME_COLUMN
                if start >= 0 and self._text[start + _TYPE_COLUMN] not in b"Aa":
                    yield start

    def _address_at(self, start: int) -> int:
        return int(self._text[start : start + _ADDRESS_DIGITS], 16)

    def address_of(self, name: str) -> int | None:
        """Address of the symbol of exactly this name, or None. Of several it is the lowest, because the core kernel
        lies below its modules."""
        return min(map(self._address_at, self._lines_of(name)), default=None)

    def range_of(self, name: str) -> tuple[int, int] | None:
        """First address of the symbol, and the address of the next symbol, so padding is included.

        None for an unknown name, and for the last symbol, whose end is not recorded anywhere.
        """
        start = self.address_of(name)
        if start is None:
            return None
        following = self._index.first_above(start)
        addresses = self._index.addresses
        return None if following == len(addresses) else (start, int(addresses[following]))

    def resolve(self, address: int) -> tuple[str, int]:
        """Name of the symbol at or below `address`, and the offset into the symbol in bytes.

        For an address below all symbols, for example in user space: its hexadecimal form, and 0.
        """
        index = self._index.first_above(address) - 1
        if index < 0:
            return f"{address:#x}", 0
        start = self._index.addresses[index]
        line = int(self._index.starts[self._index.addresses.searchsorted(start, side="left")])
        rest = self._text[line + _NAME_COLUMN : self._text.index(b"\n", line)]
        return rest.partition(b"\t")[0].decode(), address - int(start)


def _read(path: Path, most: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise HostError(f"cannot read kernel symbols: {error}", "the kernel needs CONFIG_KALLSYMS=y") from error


def require_addresses(path: Path = KALLSYMS) -> None:
    """Raises HostError if `read_symbols()` would; it reads the whole file only in that case."""
    if not _VISIBLE.search(_read(path, _BEGINNING_BYTES)):
        read_symbols(path)


def read_symbols(path: Path = KALLSYMS) -> Symbols:
    """All symbols of the running kernel.

    HostError if the file cannot be read, or shows zeros instead of addresses (kptr_restrict).
    """
    text = _read(path)
    if text and not _LINE.match(text):
        raise HostError(f"cannot read kernel symbols: {path} has another format", "report this kernel's release")
    if not _VISIBLE.search(text):
        raise HostError(
            f"{path} hides all addresses from this process",
            "run as root, or with CAP_SYSLOG; if it has that already: sysctl kernel.kptr_restrict=1",
        )
    return Symbols(text)
