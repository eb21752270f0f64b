# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest

from tests.impaired import qdisc, transfer
from zcprobe.config import Family
from zcprobe.lab.impairments.delay import DelayImpairment, delayed_acks
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.netns import NamespacePair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

ACKS = TokenBucket(rate_bps=132_000, burst_bytes=2_000, limit_bytes=660)


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_acknowledgements_come_late(pair: NamespacePair, family: Family) -> None:
    in_time = transfer(pair, family)
    with delayed_acks(pair, DelayImpairment(bucket=ACKS)):
        late = transfer(pair, family)
        delayed = qdisc(pair.sink, pair.sink.device, "tbf")
    assert late > in_time + 0.001
    assert delayed["overlimits"] > 10
    assert qdisc(pair.sink, pair.sink.device, "tbf") is None
