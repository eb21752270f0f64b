# SPDX-License-Identifier: GPL-2.0-only
"""Traffic models: what a sender writes."""

from typing import Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.units import format_bytes, parse_bytes, parse_whole, shown

__all__ = ["FRAME_BYTES", "MAX_SEND_BYTES", "PAGE_BYTES", "Model", "Reuse", "Traffic", "parse_sizes"]

Model = Literal["stream", "migration", "rpc", "mixed"]
Reuse = Literal["never", "after-completion", "at-once"]

MAX_SEND_BYTES = 64 * 1024 * 1024
"""The largest write. No sender in the field pins more with a single sendmsg."""

_MAX_SIZES = 16
PAGE_BYTES = 4096
"""Size of a guest page in migration traffic."""

FRAME_BYTES = 24
"""Size of struct zc_frame, which begins every header and datagram."""

_MAX_WEIGHT = 1_000_000
_MAX_GUEST_BYTES = 64 << 40


class Traffic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`sizes` are (payload bytes, weight) pairs; None takes the value of the model or the scenario.

    The model `migration` imitates QEMU's multifd. A packet is a header sent without zerocopy (1344 bytes for 128 pages)
    and up to `pages_per_packet` pages of 4 KiB. Rounds go over `guest_bytes`; meanwhile the guest writes
    `dirty_bytes_per_s`. The guest stops when the rest can be sent within `downtime_ms`. `zero_percent` of the pages are
    zero: the header names them, and their content is not sent.
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
        """UsageError for the first value that is out of range."""
        largest = format_bytes(MAX_SEND_BYTES)
        for size, weight in self.sizes or []:
            _require(1 <= size <= MAX_SEND_BYTES, f"a send of {size} bytes", f"from 1 to {largest}")
            _require(1 <= weight <= _MAX_WEIGHT, f"a weight of {weight}", f"from 1 to {_MAX_WEIGHT}")
        _require(len(self.sizes or []) <= _MAX_SIZES, f"{len(self.sizes or [])} sizes", f"at most {_MAX_SIZES}")
        for value, what, low, high in (
            (self.copy_below_bytes, "a --copy-below of {} bytes", 0, MAX_SEND_BYTES),
            (self.pages_per_packet, "a packet of {} pages", 1, 255),
            (self.zero_percent, "a share of {} % zero pages", 0, 100),
            (self.max_rounds, "a migration of {} rounds", 2, 1_000_000),
            (self.downtime_ms, "a downtime of {} ms", 0, 86_400_000),
            (self.dirty_bytes_per_s, "a dirty rate of {} bytes", 0, _MAX_GUEST_BYTES),
            (self.guest_bytes, "a guest of {} bytes", PAGE_BYTES, _MAX_GUEST_BYTES),
            (self.header_length, "a header of {} bytes", FRAME_BYTES, 65536),
        ):
            _require(low <= value <= high, what.format(value), f"from {low} to {high}")

    @property
    def is_framed(self) -> bool:
        """Whether a header before each payload says what follows, so that the sink knows where it is in the stream."""
        return self.model in ("migration", "rpc")

    @property
    def header_length(self) -> int:
        """Bytes of the header; by default 64 + 10 per page for a multifd packet, and 200 for an rpc."""
        if self.header_bytes is not None:
            return self.header_bytes
        return 64 + 10 * self.pages_per_packet if self.model == "migration" else 200


def _require(holds: bool, what: str, allowed: str) -> None:
    if not holds:
        raise UsageError(f"{what} is out of range", f"allowed: {allowed}")


def parse_sizes(text: str) -> list[tuple[int, int]]:
    """Sizes and weights from `"64K"`, or from a distribution such as `"1K:8,64K:2"` (size:weight). UsageError."""
    sizes = []
    for item in text.split(","):
        size, colon, weight = item.partition(":")
        if colon and not weight.isdecimal():
            raise UsageError(f"{shown(item)} is not a size with a weight", "for example 64K, or 1K:8,64K:2")
        sizes.append((parse_bytes(size), parse_whole("a weight", weight or "1")))
    return sizes
