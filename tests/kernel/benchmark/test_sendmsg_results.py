# SPDX-License-Identifier: GPL-2.0-only
"""What the send calls returned, as the sender reports it and as the kernel counted it."""

import errno
import os
from collections.abc import Callable

import pytest

from zcprobe.analysis.sendmsg_results import RETRIED, df_sendmsg_results, kernel_agrees
from zcprobe.dataset.load import Run
from zcprobe.workloads import Traffic

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]


@pytest.mark.parametrize("record", [True, False], ids=["recorded", "not recorded"])
@pytest.mark.parametrize(
    ("traffic", "send_count"),
    [
        (Traffic(model="rpc", sizes=[(65536, 1)]), 101),
        (Traffic(model="migration", guest_bytes=16 << 20, dirty_bytes_per_s=0), None),
    ],
    ids=["rpc", "migration"],
)
def test_headers_are_send_calls(record: bool, traffic: Traffic, send_count: int | None, measure: Measure) -> None:
    run = measure(scenario="in-order", traffic=traffic, record=record, send_count=send_count)
    table = df_sendmsg_results(run).set_index("result")
    assert run.sender.plain_sends > 20
    assert run.sender.copied_on_purpose == 0
    assert table.loc["ok", "sender_count"] == run.sender.sends + run.sender.plain_sends
    assert kernel_agrees(run) is True


@pytest.mark.parametrize("policy", ["qemu-merged", "folly"])
def test_a_deadline_during_a_wait_or_a_call(policy: str, measure: Measure) -> None:
    """One waits in the flush of its policy, the other with a copy in the full socket, until the deadline ends it."""
    run = measure(scenario="stalled-reader", policy=policy, deadline_s=1.0)
    assert run.sender.outcome == "dead_timeout"
    assert run.sends["error"].iloc[-1] in (0, errno.ETIMEDOUT)
    table = df_sendmsg_results(run)
    assert set(table["result"]) <= {"ok", "ENOBUFS", RETRIED}
    assert table["fatal_count"].sum() == 0
    assert kernel_agrees(run) is True
