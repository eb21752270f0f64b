# SPDX-License-Identifier: GPL-2.0-only
"""A sender's channels: each connected to the sink, with the options of its configuration."""

import time
from contextlib import ExitStack

from zcprobe.sender.connection import Link, open_link
from zcprobe.sender.sockets import enable_zerocopy, set_options
from zcprobe.wire import SenderTask, StreamPlan

__all__ = ["open_links"]

_OPEN_TIMEOUT_S = 15.0
"""Time for the sink to admit all channels; shorter than the time for which the run waits until the sender is ready."""


def open_links(task: SenderTask, stack: ExitStack) -> list[Link]:
    """A connection for each channel, closed with the stack. PeerError as for `open_link`; HostError and UsageError if
    the kernel refuses an option."""
    links = []
    deadline_s = time.monotonic() + _OPEN_TIMEOUT_S
    for _ in range(task.config.channels):
        links.append(_open_link(task, deadline_s))
        stack.callback(links[-1].close)
    return links


def _open_link(task: SenderTask, deadline_s: float) -> Link:
    config = task.config
    plan = StreamPlan(
        is_framed=config.traffic.is_framed,
        is_datagram=config.protocol == "udp",
        respond=config.traffic.model == "rpc",
    )
    link = open_link(task.address, task.port, config.family, plan, task.token, deadline_s)
    link.data.settimeout(None)
    set_options(link.data, config.socket, is_tcp=config.is_tcp)
    if config.zerocopy:
        enable_zerocopy(link.data)
    return link
