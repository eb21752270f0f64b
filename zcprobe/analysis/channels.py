# SPDX-License-Identifier: GPL-2.0-only
"""Which channel a kernel event belongs to, and what each channel of a run is."""

import pandas as pd

from zcprobe.dataset.attachment import Attachment
from zcprobe.dataset.load import Run
from zcprobe.format.summary import ChannelSummary, SenderSummary

__all__ = ["baseline_bytes", "channel_count", "channel_numbers", "channel_summary"]

UNKNOWN_CHANNEL = -1


def channel_count(run: Run) -> int:
    return len(run.meta.channels)


def channel_numbers(run: Run, cookies: "pd.Series[int]") -> "pd.Series[int]":
    """Channel (int64) of each socket cookie: the place of the cookie in the run's `cookies`, or -1 for another cookie.

    A run without a list of cookies was made before channels existed and has only channel 0. An attachment has no
    channels: there it is the `number` of the socket.
    """
    if isinstance(run, Attachment):
        numbers = {one.cookie: one.number for one in run.kernel.sockets if one.number is not None}
        return cookies.map(numbers).fillna(UNKNOWN_CHANNEL).astype("int64")
    known = {cookie: channel for channel, cookie in enumerate(run.meta.cookies)}
    if not known:
        return pd.Series(0, index=cookies.index, dtype="int64")
    return cookies.map(known).fillna(UNKNOWN_CHANNEL).astype("int64")


def channel_summary(run: Run, channel: int) -> ChannelSummary | SenderSummary:
    """The counts of the channel, or those of the run when the channel has no counts of its own."""
    return _own(run, channel) or run.sender


def baseline_bytes(run: Run, channel: int) -> int:
    """The channel's level of optmem right after it connected; of an attachment's socket, that without notifications."""
    if isinstance(run, Attachment):
        own = (one.optmem_baseline_bytes for one in run.kernel.sockets if one.number == channel)
        return next(own, None) or 0
    return (_own(run, channel) or run.kernel).optmem_baseline_bytes


def _own(run: Run, channel: int) -> ChannelSummary | None:
    channels = run.meta.channels
    return channels[channel] if 0 <= channel < len(channels) else None
