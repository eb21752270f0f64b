"""The running kernel's symbols, from /proc/kallsyms."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from zcprobe.errors import HostError

__all__ = ["Symbols", "read_symbols"]

KALLSYMS = Path("/proc/kallsyms")

_ADDRESS_DIGITS = 16
_NAME_COLUMN = _ADDRESS_DIGITS + len(" t ")


class Symbols:
    """Names and addresses of one kernel; `addresses` is uint64, ascending, and `names` runs along with it.

    Several symbols may share an address (`_stext` and the first function), and several static functions a name.
    """

    def __init__(self, addresses: npt.NDArray[np.uint64], names: list[str]) -> None:
        order = np.argsort(addresses, kind="stable")
        self.addresses = addresses[order]
        self.names = [names[index] for index in order]
        # Backwards, so that the lowest address of a repeated name stays: the core kernel lies below its modules.
        self._address_of = dict(zip(reversed(self.names), reversed(self.addresses.tolist()), strict=True))

    def __len__(self) -> int:
        return len(self.names)

    def address_of(self, name: str) -> int | None:
        """Address of the symbol of exactly this name, the lowest when there are several; None when there is none."""
        return self._address_of.get(name)

    def range_of(self, name: str) -> tuple[int, int] | None:
        """First address of the symbol and the first one beyond it: that of the next symbol, padding included.

        None for an unknown name, and for the last symbol, whose end is nowhere recorded.
        """
        start = self.address_of(name)
        if start is None:
            return None
        following = int(np.searchsorted(self.addresses, np.uint64(start), side="right"))
        return None if following == len(self.addresses) else (start, int(self.addresses[following]))

    def resolve(self, address: int) -> tuple[str, int]:
        """Name of the symbol at or below `address`, and the offset into it in bytes.

        An address below all symbols, of user space for example, comes back as its own hexadecimal form and 0.
        """
        index = int(np.searchsorted(self.addresses, np.uint64(address), side="right")) - 1
        if index < 0:
            return f"{address:#x}", 0
        start = self.addresses[index]
        first = int(np.searchsorted(self.addresses, start, side="left"))
        return self.names[first], address - int(start)


def _parse(text: str) -> Symbols:
    """Symbols from lines of `<16 hex digits> <type> <name>[\\t[<module>]]`.

    Absolute symbols (type A; per-CPU offsets on x86 before 6.15) are no addresses and are left out.
    """
    lines = [line for line in text.splitlines() if line[_ADDRESS_DIGITS + 1] not in "Aa"]
    digits = bytes.fromhex("".join([line[:_ADDRESS_DIGITS] for line in lines]))
    addresses = np.frombuffer(digits, dtype=">u8").astype(np.uint64)
    names = [line[_NAME_COLUMN:].partition("\t")[0] for line in lines]
    return Symbols(addresses, names)


def read_symbols(path: Path = KALLSYMS) -> Symbols:
    """All symbols of the running kernel; about 0.2 s for 120,000 of them.

    HostError when the file cannot be read, or shows zeros instead of addresses (kptr_restrict).
    """
    try:
        symbols = _parse(path.read_text())
    except (OSError, ValueError, IndexError) as error:
        raise HostError(f"cannot read kernel symbols: {error}", "the kernel needs CONFIG_KALLSYMS=y") from error
    if not symbols.addresses.any():
        raise HostError(
            f"{path} hides all addresses from this process",
            "run as root, or with CAP_SYSLOG; if it has that already: sysctl kernel.kptr_restrict=1",
        )
    return symbols
