# SPDX-License-Identifier: GPL-2.0-only
import sys

import pytest

from zcprobe.errors import UsageError
from zcprobe.lab.impairments.hold import HoldImpairment, packet_choice
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.native import ffi


def bucket(burst_bytes: int = 262_144) -> TokenBucket:
    return TokenBucket(rate_bps=1_000_000, burst_bytes=burst_bytes, limit_bytes=1_000_000)


def test_ipv4_is_chosen_by_ip_id() -> None:
    assert packet_choice("ipv4", "tcp", 16) == [["0x06/0xff+9", "0x0000/0x00f0+4"]]
    assert packet_choice("ipv4", "udp", 16) == [["0x11/0xff+9", "0x0000/0x000f+4"]]


@pytest.mark.parametrize("segments_of_send", [45, 46, 44, 8, 48, 1, 362])
@pytest.mark.parametrize("first_id", range(32))
def test_one_in_16_of_tcp_is_chosen_whatever_the_first_id_and_the_size(segments_of_send: int, first_id: int) -> None:
    """The first and large packet of each send: the share chosen from these is the same as from all packets."""
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
    """The offset after 40 bytes of IPv6 header and 8 bytes of UDP header."""
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
