# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest

from tests.impaired import TRANSFER_BYTES, qdisc, transfer
from tests.tcp_counters import read_tcp_counters
from zcprobe.config import Family
from zcprobe.errors import HostError
from zcprobe.lab.impairments.reorder import ReorderImpairment, reordered_packets
from zcprobe.lab.netns import NamespacePair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

REORDER = ReorderImpairment(delay_ns=10_000_000, jitter_ns=1_000_000, limit_count=100_000)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_packets_arrive_out_of_order(pair: NamespacePair, family: Family, has_netem: bool) -> None:
    impairment = reordered_packets(pair.sender, REORDER)
    if not has_netem:
        with pytest.raises(HostError, match="this kernel has no netem qdisc"), impairment:
            pass
        return
    with impairment:
        late = transfer(pair, family)
        netem = qdisc(pair.sender, pair.sender.device, "netem")
    assert late > (REORDER.delay_ns - REORDER.jitter_ns) / 1e9
    assert netem["bytes"] > TRANSFER_BYTES
    assert netem["drops"] == 0
    assert read_tcp_counters(pair.sink.name)["TCPOFOQueue"] > 50
    # a sender that took what is late for lost would spend its time recovering
    assert read_tcp_counters(pair.sender.name)["TCPSackRecovery"] < 50
    assert qdisc(pair.sender, pair.sender.device, "netem") is None
