"""What an impairment did to the path of a run: the member `effects` of run.json."""

import msgspec

__all__ = ["Effects"]


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """None: the scenario has no such part.

    `held_packets`, `held_bytes`: what came to the queue of held clones and was kept, in packets of the wire, of which a
    GSO packet that has left the queue counts as 45; `hold_waits`: how often that queue had a packet and had to wait
    with it; `hold_dropped_packets`: what was freed at once besides, because it was full, in clones.
    `delayed_packets`, `delay_waits`, `delay_dropped_packets`: the same of acknowledgements. `reordered_packets`:
    packets that arrived before one sent earlier (TCPOFOQueue of the sink's namespace). `reader_pause_ns`: time that
    the sink did not read because of its own pace, over all channels; the sink tells it.
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
