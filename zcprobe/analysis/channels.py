# SPDX-License-Identifier: GPL-2.0-only
"""Which channel a kernel event belongs to, and what each channel of a run is."""

import pandas as pd

from zcprobe.dataset.load import Run
from zcprobe.format.summary import ChannelSummary, Summary

__all__ = ["baseline_bytes", "channel_count", "channel_numbers", "channel_summary"]

UNKNOWN_CHANNEL = -1


def channel_count(run: Run) -> int:
    return len(run.meta.channels)


def channel_numbers(run: Run, cookies: "pd.Series[int]") -> "pd.Series[int]":
    """Channel (int64) of each socket cookie: its place in the run's `cookies`; -1 for one that is not there.

    A run that has no list of cookies is older than channels and has only channel 0.
    """
    known = {cookie: channel for channel, cookie in enumerate(run.meta.cookies)}
    if not known:
        return pd.Series(0, index=cookies.index, dtype="int64")
    return cookies.map(known).fillna(UNKNOWN_CHANNEL).astype("int64")


def channel_summary(run: Run, channel: int) -> ChannelSummary | Summary:
    """The channel's own counts; those of the run for a channel that has none."""
    channels = run.meta.channels
    return channels[channel] if 0 <= channel < len(channels) else run.summary


def baseline_bytes(run: Run, channel: int) -> int:
    """optmem right after connecting."""
    return channel_summary(run, channel).optmem_baseline_bytes
