# SPDX-License-Identifier: GPL-2.0-only
"""What an impairment did to the path of a run: the member `effects` of run.json."""

import msgspec

__all__ = ["Effects"]


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of each part of the impairment; None if the scenario has no such part.

    `held_packets`, `held_bytes`: clones that came to the queue and were kept, in packets on the wire; a GSO packet that
    has left the queue counts as 45. `hold_waits`: how often that queue had to wait with a packet.
    `hold_dropped_packets`: clones that were freed at once because the queue was full. `delayed_packets`, `delay_waits`,
    `delay_dropped_packets`: the same for acknowledgements. `reordered_packets`: packets that arrived before one sent
    earlier (TCPOFOQueue of the sink's namespace). `reader_pause_ns`: time for which the sink's own pace kept it from
    reading, over all channels, as the sink reports it.
    """

    held_packets: int | None = None
    held_bytes: int | None = None
    hold_waits: int | None = None
    hold_dropped_packets: int | None = None
    delayed_packets: int | None = None
    delay_waits: int | None = None
    delay_dropped_packets: int | None = None
    reordered_packets: int | None = None
    reader_pause_ns: int | None = None
