import sys

import pytest

from zcprobe.errors import UsageError
from zcprobe.lab.impairment import HoldImpairment, ReorderImpairment, TokenBucket, packet_choice
from zcprobe.native import ffi


def bucket(rate_bps: int = 1_000_000, burst_bytes: int = 262_144, limit_bytes: int = 1_000_000) -> TokenBucket:
    return TokenBucket(rate_bps=rate_bps, burst_bytes=burst_bytes, limit_bytes=limit_bytes)


def test_ipv4_is_chosen_by_ip_id() -> None:
    assert packet_choice("ipv4", "tcp", 16) == [["0x06/0xff+9", "0x0000/0x00f0+4"]]
    assert packet_choice("ipv4", "udp", 16) == [["0x11/0xff+9", "0x0000/0x000f+4"]]


@pytest.mark.parametrize("segments_of_send", [45, 46, 44, 8, 48, 1, 362])
@pytest.mark.parametrize("first_id", range(32))
def test_one_in_16_of_tcp_is_chosen_whatever_the_first_id_and_the_size(segments_of_send: int, first_id: int) -> None:
    """The first packet of each send, which is the large one: as many of them as of all packets."""
    ((_, keys),) = packet_choice("ipv4", "tcp", 16)
    mask = int(keys.partition("/")[2].partition("+")[0], 16)
    chosen = sum((first_id + send * segments_of_send) & mask == 0 for send in range(4096))
    assert chosen == 4096 // 16


def test_ipv6_is_chosen_by_sequence_number_from_bit_16() -> None:
    assert packet_choice("ipv6", "tcp", 16) == [["0x06/0xff+6", "0x00000000/0x000f0000+44"]]


def test_datagrams_of_ipv6_are_chosen_by_their_number_or_by_the_id_of_their_fragments() -> None:
    """The number is in this machine's byte order, the id in the network's."""
    in_frame = {"little": "0x0f000000", "big": "0x0000000f"}[sys.byteorder]
    assert packet_choice("ipv6", "udp", 16) == [
        ["0x11/0xff+6", f"0x00000000/{in_frame}+68"],
        ["0x2c/0xff+6", "0x11/0xff+40", "0x00000000/0x0000000f+44"],
    ]


def test_the_number_of_a_datagram_is_where_it_is_looked_for() -> None:
    """Behind 40 bytes of IPv6 header and 8 of UDP's."""
    assert 40 + 8 + ffi.offsetof("struct zc_frame", "number") == 68


def test_one_in_one_is_all_of_the_protocol() -> None:
    assert packet_choice("ipv4", "tcp", 1) == [["0x06/0xff+9"]]
    assert packet_choice("ipv6", "tcp", 1) == [["0x06/0xff+6"]]
    assert packet_choice("ipv4", "udp", 1) == [["0x11/0xff+9"]]
    assert packet_choice("ipv6", "udp", 1) == [["0x11/0xff+6"], ["0x2c/0xff+6", "0x11/0xff+40"]]


@pytest.mark.parametrize("count", [0, -1, 3, 15, 131072])
def test_shares_that_no_mask_can_express_are_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"1 in {count}"):
        HoldImpairment(one_in_count=count, bucket=bucket())


def test_a_held_packet_has_to_fit_into_the_bucket() -> None:
    with pytest.raises(UsageError, match="GSO"):
        HoldImpairment(one_in_count=1, bucket=bucket(burst_bytes=70_000))


@pytest.mark.parametrize(
    "values", [{"rate_bps": 7_999}, {"rate_bps": 2**35}, {"burst_bytes": 1}, {"limit_bytes": 0}, {"limit_bytes": 2**32}]
)
def test_a_bucket_the_kernel_could_not_keep_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="out of range"):
        bucket(**values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"jitter_ns": 999}, "a jitter of 999 ns is out of range"),
        ({"jitter_ns": 125_000}, "a jitter of 125000 ns"),
        ({"delay_ns": 999_999}, "a delay of 999999 ns is out of range"),
        ({"delay_ns": 10_000_000_001}, "a delay of 10000000001 ns"),
        ({"limit_count": 0}, "a queue of 0 packets is out of range"),
        ({"limit_count": 2**31}, "a queue of 2147483648 packets"),
    ],
)
def test_an_order_that_netem_could_not_make_is_refused(values: dict[str, int], words: str) -> None:
    possible = {"delay_ns": 1_000_000, "jitter_ns": 124_999, "limit_count": 1}
    ReorderImpairment(**possible)
    with pytest.raises(UsageError, match=words):
        ReorderImpairment(**possible | values)
