# SPDX-License-Identifier: GPL-2.0-only
"""Measurements of the unimpaired path right before a run: the member `calibration` of run.json."""

import msgspec

__all__ = ["Calibration"]


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """The unimpaired path, measured right before the run with the run's own sockets, sizes and CPUs.

    `goodput_bps`: bit/s that arrived in `duration_ns`, over all channels; `sends`: zerocopy send calls in that time.
    `charge_bytes`: truesize of one notification; `notifications_max` of them fit into `optmem_max_bytes`, the limit in
    force. `hold_rate_bps`, `ack_rate_bps` and `read_bps` are the rates computed from this, None if the scenario has no
    such rate. All `channels` share the first two; each has a reader at the third. `deadline_s`: the deadline of the
    run, unless one was given.
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
