"""What the unimpaired path did right before a run: the member `calibration` of run.json."""

import msgspec

__all__ = ["Calibration"]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The unimpaired path, measured right before the run with the run's own sockets, sizes and CPUs.

    `goodput_bps`: bit/s that arrived, over all channels, in `duration_ns`; `sends`: zerocopy send calls meanwhile.
    `charge_bytes`: truesize of one notification; so `notifications_max` fit into `optmem_max_bytes`, the limit in
    force. `hold_rate_bps`, `ack_rate_bps` and `read_bps` are the rates that follow, None where the scenario has none;
    all `channels` share the first two, and each has a reader at the third.
    `deadline_s`: what the run was given to end, unless somebody chose a deadline.
    """

    goodput_bps: float
    duration_ns: int
    sends: int
    channels: int = 1
    charge_bytes: int
    optmem_max_bytes: int
    notifications_max: int
    hold_rate_bps: int | None = None
    ack_rate_bps: int | None = None
    read_bps: int | None = None
    deadline_s: float | None = None
