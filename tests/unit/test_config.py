# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.config import RunConfig, SocketOptions
from zcprobe.errors import UsageError
from zcprobe.workloads import Traffic


def test_the_default_is_a_run() -> None:
    RunConfig().validate()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"policy": "qemu-v99"}, "unknown policy 'qemu-v99'"),
        ({"send_bytes": 0}, "a send of 0 bytes"),
        ({"send_bytes": 1 << 40}, "out of range"),
        ({"send_count": 0}, "a run of 0 sends"),
        ({"duration_s": 0.0}, "-t 0 is out of range"),
        ({"duration_s": float("nan")}, "-t nan is out of range"),
        ({"deadline_s": -1.0}, "--deadline -1"),
        ({"optmem_max_bytes": 10}, "optmem_max of 10 bytes"),
        ({"channels": 0}, "0 channels"),
        ({"channels": 65}, "65 channels"),
        ({"affinity": (0, 100_000)}, "CPUs 0 and 100000"),
        ({"protocol": "udp", "send_bytes": 24}, "datagrams of 24 to 24 bytes"),
        ({"protocol": "udp", "send_bytes": 65508}, "datagrams of 65508"),
        ({"protocol": "udp", "family": "ipv6", "send_bytes": 65528}, "datagrams of 65528"),
        ({"optmem_max_bytes": 2**31}, "optmem_max of 2147483648 bytes"),
        ({"socket": SocketOptions(sndbuf_bytes=0)}, "a send buffer of 0 bytes"),
        ({"socket": SocketOptions(sndbuf_bytes=2**30)}, "a send buffer of 1073741824 bytes"),
        ({"socket": SocketOptions(pacing_bps=0)}, "a pace of 0 bit/s"),
        ({"socket": SocketOptions(pacing_bps=7)}, "a pace of 7 bit/s"),
        ({"duration_s": 1e-10}, "-t 1e-10 is out of range"),
        ({"settle_s": float("inf")}, "--settle inf"),
        ({"channels": 2, "traffic": Traffic(model="migration", guest_bytes=4096)}, "no page for each of 2 channels"),
        ({"link": ("eth1", "eth1")}, "expected two devices"),
        ({"protocol": "udp", "traffic": Traffic(model="mixed", sizes=[(10, 1), (100, 1)])}, "datagrams of 10 to 100"),
    ],
)
def test_what_no_run_can_have_is_refused_by_name(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        RunConfig(**wrong).validate()  # type: ignore[arg-type]
    assert refused.value.hint


def test_a_time_replaces_the_number_of_sends_and_the_deadline_comes_on_top() -> None:
    config = RunConfig(duration_s=2.0, deadline_s=3.0)
    config.validate()
    assert config.limit_s == 5.0
    assert RunConfig(deadline_s=3.0).limit_s == 3.0


def test_the_largest_datagram_is_the_largest_of_its_family() -> None:
    RunConfig(protocol="udp", send_bytes=65507).validate()
    RunConfig(protocol="udp", family="ipv6", send_bytes=65527).validate()


def test_the_extremes_are_valid() -> None:
    RunConfig(optmem_max_bytes=576, socket=SocketOptions(sndbuf_bytes=1, pacing_bps=8), duration_s=0.001).validate()
    RunConfig(optmem_max_bytes=2**31 - 1, socket=SocketOptions(sndbuf_bytes=2**30 - 1, pacing_bps=10**12)).validate()


def test_a_range_is_told_for_the_family_and_the_option_at_hand() -> None:
    with pytest.raises(UsageError) as refused:
        RunConfig(protocol="udp", family="ipv6", send_bytes=65528).validate()
    assert "from 25 to 65527, the largest of ipv6" in refused.value.hint
    with pytest.raises(UsageError) as refused:
        RunConfig(optmem_max_bytes=4 << 30).validate()
    assert "from 576" in refused.value.hint
    assert "to 2147483647" in refused.value.hint
