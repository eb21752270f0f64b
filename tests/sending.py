# SPDX-License-Identifier: GPL-2.0-only
"""Our own sender and sink in a lab, without a recorder beside them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from zcprobe.child import Child
from zcprobe.config import DEFAULT_PORT, RunConfig
from zcprobe.format.lab import Lab
from zcprobe.journal import journal
from zcprobe.lab.open import open_lab
from zcprobe.lab.scenarios import find_scenario
from zcprobe.wire import ChannelReport, SenderReady, SenderReport, SenderTask, SinkReady, SinkTask

__all__ = ["send", "sender_in_lab"]

OPTMEM_BYTES = 20480
_START_S = 60


@contextmanager
def sender_in_lab(config: RunConfig) -> Iterator[tuple[Lab, Child]]:
    """A sender that waits for the go-ahead, which `send` gives, with optmem_max 20480."""
    scenario = find_scenario(config.scenario)
    with (
        journal(f"sending{os.getpid()}") as entry,
        open_lab(scenario, run_id=entry.run_id, family="ipv4", optmem_max_bytes=OPTMEM_BYTES, run_journal=entry) as lab,
    ):
        sink = SinkTask(address=lab.sink_address, port=DEFAULT_PORT, netns_path=lab.sink_netns_path)
        task = SenderTask(
            address=lab.sink_address,
            port=DEFAULT_PORT,
            config=config,
            flush_variant="sticky",
            optmem_max_bytes=lab.optmem_max_bytes,
            netns_path=lab.sender_netns_path,
            memlock_bytes=None,
        )
        with Child("zcprobe.sink.process", sink) as receiver:
            receiver.expect(SinkReady, _START_S)
            with Child("zcprobe.sender.process", task) as sender:
                sender.expect(SenderReady, _START_S)
                yield lab, sender


def send(sender: Child, config: RunConfig) -> ChannelReport:
    """What its only channel reports, once the sender has ended."""
    sender.send_line()
    report = sender.expect(SenderReport, config.limit_s + _START_S)
    sender.process.wait()
    (channel,) = report.channels
    return channel
