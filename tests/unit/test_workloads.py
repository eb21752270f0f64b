# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.native import ffi, lib
from zcprobe.native.settings import fill_traffic
from zcprobe.native.structs import enum_names
from zcprobe.workloads import MAX_SEND_BYTES, Traffic, parse_sizes


def test_a_size_or_a_distribution_is_read() -> None:
    assert parse_sizes("64K") == [(65536, 1)]
    assert parse_sizes("1K:8,64K:2") == [(1024, 8), (65536, 2)]
    assert parse_sizes("100,1M:3") == [(100, 1), (1 << 20, 3)]


@pytest.mark.parametrize("text", ["", "64K,", "1K:x", "1K:-1", "1K:1.5", "1K:2:3", "abc:1", "0.3"])
def test_what_is_no_distribution_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_sizes(text)


def test_the_defaults_of_every_model_are_valid() -> None:
    for model in ("stream", "migration", "rpc", "mixed"):
        Traffic(model=model).validate()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"sizes": [(0, 1)]}, "a send of 0 bytes"),
        ({"sizes": [(MAX_SEND_BYTES + 1, 1)]}, "a send of 67108865 bytes"),
        ({"sizes": [(1, 0)]}, "a weight of 0"),
        ({"sizes": [(1, 1)] * 17}, "17 sizes"),
        ({"pages_per_packet": 0}, "a packet of 0 pages"),
        ({"pages_per_packet": 256}, "a packet of 256 pages"),
        ({"zero_percent": -1}, "a share of -1 % zero pages"),
        ({"zero_percent": 101}, "a share of 101 % zero pages"),
        ({"max_rounds": 1}, "a migration of 1 rounds"),
        ({"downtime_ms": -1}, "a downtime of -1 ms"),
        ({"sizes": [(1, 2**32)]}, "a weight of 4294967296"),
        ({"copy_below_bytes": 2**32}, "a --copy-below of 4294967296"),
        ({"max_rounds": 2**32}, "a migration of 4294967296 rounds"),
        ({"downtime_ms": 2**63 - 1}, "a downtime of 9223372036854775807 ms"),
        ({"dirty_bytes_per_s": 2**63}, "a dirty rate of 9223372036854775808"),
        ({"dirty_bytes_per_s": -1}, "a dirty rate of -1"),
        ({"guest_bytes": 4095}, "a guest of 4095 bytes"),
        ({"guest_bytes": 2**46 + 1}, "a guest of"),
        ({"header_bytes": 23}, "a header of 23 bytes"),
        ({"header_bytes": 65537}, "a header of 65537 bytes"),
    ],
)
def test_what_no_traffic_can_be_is_refused_by_name(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says) as refused:
        Traffic(**wrong).validate()  # type: ignore[arg-type]
    assert refused.value.hint.startswith("allowed: ")


def test_the_extremes_are_valid() -> None:
    Traffic(sizes=[(1, 1), (MAX_SEND_BYTES, 1)], header_bytes=24, guest_bytes=4096, max_rounds=2).validate()
    Traffic(sizes=[(1, 1)] * 16, header_bytes=65536, pages_per_packet=255, zero_percent=100).validate()


def test_a_packet_of_128_pages_has_the_header_of_multifd() -> None:
    assert Traffic(model="migration", pages_per_packet=128).header_length == 1344
    assert Traffic(model="migration", header_bytes=24).header_length == 24
    assert Traffic(model="rpc").header_length == 200


def test_only_what_has_headers_is_framed() -> None:
    assert {model: Traffic(model=model).is_framed for model in ("stream", "migration", "rpc", "mixed")} == {
        "stream": False,
        "migration": True,
        "rpc": True,
        "mixed": False,
    }


def test_traffic_reaches_the_core_whole() -> None:
    traffic = Traffic(
        model="migration",
        reuse="at-once",
        sizes=[(10, 2), (20, 3)],
        copy_below_bytes=4,
        guest_bytes=5 << 32,
        dirty_bytes_per_s=6,
        downtime_ms=7,
        max_rounds=8,
        pages_per_packet=128,
        zero_percent=9,
        seed=11,
    )
    target = ffi.new("struct zc_traffic *")
    fill_traffic(target, RunConfig(traffic=traffic, send_count=12, duration_s=1.5))
    assert enum_names("zc_model", "ZC_MODEL_")[target.model] == "migration"
    assert enum_names("zc_reuse", "ZC_REUSE_")[target.reuse] == "at_once"
    assert [(target.sizes[i], target.weights[i]) for i in range(target.size_count)] == traffic.sizes
    assert (target.write_count, target.duration_ns, target.header_bytes) == (12, 1_500_000_000, 1344)
    assert (target.copy_below_bytes, target.page_bytes, target.guest_bytes) == (4, 4096, 5 << 32)
    assert (target.dirty_bytes_per_s, target.downtime_ns, target.max_rounds) == (6, 7_000_000, 8)
    assert (target.pages_per_packet, target.zero_percent, target.seed) == (128, 9, 11)


def test_the_most_of_each_is_what_the_core_has_room_for() -> None:
    """Its arrays are of these sizes, and it does not look again."""
    for most, traffic in (
        (lib.ZC_MAX_SIZES, lambda count: Traffic(sizes=[(1, 1)] * count)),
        (lib.ZC_MAX_PAGES_PER_PACKET, lambda count: Traffic(pages_per_packet=count)),
        (lib.ZC_MAX_HEADER_BYTES, lambda count: Traffic(header_bytes=count)),
    ):
        traffic(most).validate()
        with pytest.raises(UsageError, match="is out of range"):
            traffic(most + 1).validate()
