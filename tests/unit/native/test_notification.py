# SPDX-License-Identifier: GPL-2.0-only
"""Control messages of the error queue, right and wrong."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcprobe.native import ffi, lib
from zcprobe.native.structs import enum_names

HEADER = struct.Struct("=QII")  # struct cmsghdr of 64 bits: cmsg_len, cmsg_level, cmsg_type
EXTENDED_ERR = struct.Struct("=IBBBBII")  # ee_errno, ee_origin, ee_type, ee_code, ee_pad, ee_info, ee_data
WHOLE = HEADER.size + EXTENDED_ERR.size
IP_RECVERR, IPV6_RECVERR, VSOCK_RECVERR = 11, 25, 1
SOL_VSOCK = 287
ZEROCOPY, TIMESTAMPING = 5, 4
U32 = st.integers(0, 2**32 - 1)


def control(
    level: int = socket.SOL_IP,
    kind: int = IP_RECVERR,
    length: int = WHOLE,
    error: int = 0,
    origin: int = ZEROCOPY,
    code: int = 1,
    lo: int = 7,
    hi: int = 9,
) -> bytes:
    return HEADER.pack(length, level, kind) + EXTENDED_ERR.pack(error, origin, 0, code, 0, lo, hi)


def decode(message: bytes) -> tuple[str, dict[str, int]]:
    found = ffi.new("struct zc_notification *")
    check = lib.zc_decode_notification(ffi.from_buffer(message), len(message), found)
    fields = {name: int(getattr(found, name)) for name in ("lo", "count", "error", "origin", "copied")}
    return enum_names("zc_check", "ZC_CHECK_")[check], fields


@pytest.mark.parametrize(
    ("level", "kind"),
    [(socket.SOL_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR), (SOL_VSOCK, VSOCK_RECVERR)],
)
@pytest.mark.parametrize("code", [0, 1])
def test_a_range_is_read(level: int, kind: int, code: int) -> None:
    expected = {"lo": 7, "count": 3, "error": 0, "origin": ZEROCOPY, "copied": code}
    assert decode(control(level, kind, code=code)) == ("none", expected)


def test_a_range_may_cross_the_wrap() -> None:
    check, fields = decode(control(lo=2**32 - 2, hi=1))
    assert (check, fields["lo"], fields["count"]) == ("none", 2**32 - 2, 4)


@pytest.mark.parametrize(
    ("message", "check"),
    [
        (b"", "cmsg"),
        (control()[: HEADER.size], "cmsg"),
        (control()[:-1], "cmsg"),
        (control(length=WHOLE - 1), "cmsg"),
        (control(length=WHOLE + 1), "cmsg"),
        (control(length=0), "cmsg"),
        (control(length=2**64 - 1), "cmsg"),
        (control(socket.SOL_SOCKET), "cmsg"),
        (control(kind=12), "cmsg"),
        (control(SOL_VSOCK, IP_RECVERR), "cmsg"),
        (control(error=111), "errno"),
        (control(origin=TIMESTAMPING), "origin"),
        (control(lo=9, hi=7), "bounds"),
        (control(lo=0, hi=2**31), "bounds"),
    ],
)
def test_each_damage_fails_its_own_check(message: bytes, check: str) -> None:
    found, fields = decode(message)
    assert found == check
    origin = 0 if check == "cmsg" else TIMESTAMPING if check == "origin" else ZEROCOPY
    assert fields == dict.fromkeys(fields, 0) | {"error": 111 if check == "errno" else 0, "origin": origin}


def time(length: int = 32) -> bytes:
    """An SCM_TIMESTAMP that claims this length."""
    return HEADER.pack(length, socket.SOL_SOCKET, 29) + bytes(16)


@pytest.mark.parametrize("before", [time(), time(31), time() + time()])
def test_what_the_socket_asked_for_comes_before(before: bytes) -> None:
    """The next message begins at the next multiple of eight bytes."""
    assert decode(before + control(lo=3, hi=3))[0] == "none"
    assert decode(before + control(origin=TIMESTAMPING))[0] == "origin"
    assert decode(before)[0] == "cmsg"


@pytest.mark.parametrize("length", [0, 15, 32 + WHOLE + 1, 2**64 - 1])
def test_behind_a_message_of_a_wrong_length_nothing_is_read(length: int) -> None:
    assert decode(time(length) + control())[0] == "cmsg"


@given(U32, U32)
def test_a_range_is_right_or_refused(lo: int, hi: int) -> None:
    """One notification covers at most 2^31 sends: a longer range would look as if it ran backwards."""
    check, fields = decode(control(lo=lo, hi=hi))
    count = (hi - lo) % 2**32 + 1
    if count > 2**31:
        assert check == "bounds"
    else:
        assert (check, fields["lo"], fields["count"]) == ("none", lo, count)
