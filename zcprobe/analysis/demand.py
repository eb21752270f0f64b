# SPDX-License-Identifier: GPL-2.0-only
"""What a TCP sender does, as far as the optmem that it needs depends on it."""

import msgspec

from zcprobe.errors import UsageError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES

__all__ = ["Demand"]

_LATE_HINT = "give --bandwidth, and by --late-by how long they are late"


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """A sender of TCP and its path.

    `send_bytes`: one zerocopy send; `charge_bytes`: of one notification on this kernel; `sndbuf_bytes`: the send
    buffer, sk_sndbuf. `channels` share `bandwidth_bps` evenly. `is_paced`: the sender itself writes no faster than
    that, and data is acknowledged within `delay_ns`; otherwise it writes as fast as the socket takes data.

    `late_share` of the sends (0 to 1) complete only `late_ns` after the acknowledgement. Where they were seen,
    `late_sends` (at once) and `entries_per_send` (of the error queue, for each completed send) replace what would
    follow from that share. `read_every_sends`: the sender reads its error queue until EAGAIN at least that often; None:
    never.

    `baseline_bytes`: optmem of the socket without any notification. `optmem_max_bytes`: the limit today, for which
    `read_every_sends` of a Prediction is computed.

    UsageError if a pace or late sends are given without the bandwidth and the time that make numbers of them."""

    send_bytes: int
    charge_bytes: int
    sndbuf_bytes: int
    channels: int = 1
    bandwidth_bps: float | None = None
    is_paced: bool = False
    delay_ns: int = 0
    late_share: float = 0.0
    late_ns: int = 0
    late_sends: int | None = None
    entries_per_send: float | None = None
    read_every_sends: int | None = None
    baseline_bytes: int = 0
    optmem_max_bytes: int = DEFAULT_OPTMEM_BYTES

    @property
    def sends_per_s(self) -> float:
        """Sends of one channel in a second; 0 where the bandwidth is not known."""
        return (self.bandwidth_bps or 0.0) / self.channels / 8 / self.send_bytes

    @property
    def is_in_order(self) -> bool:
        """Whether all sends complete equally late, so that notifications merge."""
        if self.entries_per_send is not None:
            return self.entries_per_send == 0
        return self.late_share in (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.is_paced and not (self.bandwidth_bps and self.delay_ns):
            raise UsageError("a pace alone does not say how much is in flight", "give --bandwidth and --delay too")
        if self.late_share and not (self.bandwidth_bps and self.late_ns):
            raise UsageError("a share alone does not say how many sends are late at once", _LATE_HINT)
        if self.late_ns and not self.late_share:
            raise UsageError("it was not said which share of the sends is late", "give --late-share too: 1/16")
