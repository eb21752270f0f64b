"""Traffic models: what a sender writes."""

from typing import Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.units import format_bytes, parse_bytes

__all__ = ["MAX_SEND_BYTES", "PAGE_BYTES", "Model", "Reuse", "Traffic", "parse_sizes"]

Model = Literal["stream", "migration", "rpc", "mixed"]
Reuse = Literal["never", "after-completion", "at-once"]

MAX_SEND_BYTES = 64 * 1024 * 1024
"""Largest write; a single sendmsg of more pins more than any sender in the field does."""

_MAX_SIZES = 16
PAGE_BYTES = 4096
"""Of a guest's page in migration traffic."""

_FRAME_BYTES = 24


class Traffic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sizes` are (payload bytes, weight); what is None takes the model's or the scenario's own value.

    migration: QEMU's multifd shape. Packets of a header without zerocopy (1344 bytes for 128 pages) and up to
    `pages_per_packet` pages of 4 KiB; rounds over `guest_bytes`, of which `dirty_bytes_per_s` are written meanwhile;
    the guest stops when the rest fits into `downtime_ms`. `zero_percent` of the pages are zero and only named in the
    header.
    """

    model: Model = "stream"
    reuse: Reuse = "never"
    sizes: list[tuple[int, int]] | None = None
    copy_below_bytes: int = 0
    header_bytes: int | None = None
    guest_bytes: int = 512 * 1024 * 1024
    dirty_bytes_per_s: int = 64 * 1024 * 1024
    downtime_ms: int = 300
    max_rounds: int = 30
    pages_per_packet: int = 128
    zero_percent: int = 10
    seed: int = 1

    def validate(self) -> None:
        """UsageError on the first value that no traffic could have."""
        for size, weight in self.sizes or []:
            _require(
                1 <= size <= MAX_SEND_BYTES, f"a send of {size} bytes", f"from 1 to {format_bytes(MAX_SEND_BYTES)}"
            )
            _require(weight >= 1, f"a weight of {weight}", "1 or more")
        _require(len(self.sizes or []) <= _MAX_SIZES, f"{len(self.sizes or [])} sizes", f"at most {_MAX_SIZES}")
        _require(1 <= self.pages_per_packet <= 255, f"{self.pages_per_packet} pages in a packet", "from 1 to 255")
        _require(0 <= self.zero_percent <= 100, f"{self.zero_percent} % zero pages", "from 0 to 100")
        _require(self.max_rounds >= 2, f"{self.max_rounds} rounds", "2 or more")
        _require(self.downtime_ms >= 0, f"a downtime of {self.downtime_ms} ms", "0 or more")
        _require(self.dirty_bytes_per_s >= 0, f"a dirty rate of {self.dirty_bytes_per_s}", "0 or more")
        _require(PAGE_BYTES <= self.guest_bytes < 2**46, f"a guest of {self.guest_bytes} bytes", "from 4K to 64T")
        if self.header_bytes is not None:
            _require(
                _FRAME_BYTES <= self.header_bytes <= 65536, f"a header of {self.header_bytes} bytes", "from 24 to 65536"
            )

    @property
    def is_framed(self) -> bool:
        """A header before each payload says what follows, so that the sink keeps its place."""
        return self.model in ("migration", "rpc")

    @property
    def header_length(self) -> int:
        """Bytes of the header: of a multifd packet 64 and 10 for each page, of an rpc 200, by default."""
        if self.header_bytes is not None:
            return self.header_bytes
        return 64 + 10 * self.pages_per_packet if self.model == "migration" else 200


def _require(holds: bool, what: str, allowed: str) -> None:
    if not holds:
        raise UsageError(f"{what} is out of range", f"allowed: {allowed}")


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """`"64K"` or a distribution, `"1K:8,64K:2"`: size, colon, weight."""
    sizes = []
    for item in text.split(","):
        size, _, weight = item.partition(":")
        if weight and not weight.isdecimal():
            raise UsageError(f"{item!r} is no size with a weight", "for example 64K, or 1K:8,64K:2")
        sizes.append((parse_bytes(size), int(weight or 1)))
    return sizes
