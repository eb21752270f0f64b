# SPDX-License-Identifier: GPL-2.0-only
"""What TCP knew of the path, over whole runs."""

import os
from collections.abc import Callable

import pytest
from msgspec.structs import asdict

from zcprobe.dataset.load import Run

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]


def test_each_channel_is_sampled_beside_its_memory(measure: Measure) -> None:
    run = measure(scenario="in-flight", channels=2, send_count=101)
    beside = run.meminfo[run.meminfo["reason"].isin(["baseline", "periodic", "end"])]
    assert run.tcp_info.groupby("channel").size().to_dict() == beside.groupby("channel").size().to_dict()
    assert set(run.tcp_info["channel"]) == {0, 1}
    for counts in (asdict(run.sender), *map(asdict, run.meta.channels)):
        assert 0 < counts["rtt_min_ns"] < counts["rtt_mean_ns"] < counts["rtt_max_ns"]
        assert min(counts["cwnd_max_bytes"], counts["delivery_rate_max_bps"]) > 0
        # acknowledgements come late there: TCP sees it
        assert counts["rtt_max_ns"] > 10 * counts["rtt_min_ns"]
    for channel, own in run.tcp_info.groupby("channel"):
        assert run.meta.channels[int(str(channel))].rtt_mean_ns == round(own["rtt_ns"].mean())


@pytest.mark.parametrize("config", [{"record": False}, {"protocol": "udp"}], ids=["counts only", "datagrams"])
def test_without_tcp_or_records_nothing_is_known(config: dict[str, object], measure: Measure) -> None:
    run = measure(scenario="in-order", send_count=101, **config)
    assert "tcp_info" not in run.meta.rows
    assert run.tcp_info.empty
    assert run.sender.rtt_min_ns is run.sender.rtt_mean_ns is run.sender.rtt_max_ns is None
    assert run.sender.cwnd_max_bytes is run.sender.delivery_rate_max_bps is None
