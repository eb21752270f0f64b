# SPDX-License-Identifier: GPL-2.0-only
"""A look at a process is decoded as the BPF program wrote it."""

import socket

import pytest

from zcprobe.native import ffi, lib
from zcprobe.probes.socket_looks import SocketLook, decode


def record(**members: object) -> bytes:
    """A struct with these members, as C lays it out."""
    look = ffi.new("struct zc_socket_look *", members)
    return bytes(ffi.buffer(look))


def test_the_members_are_those_of_the_struct_in_its_order() -> None:
    assert list(SocketLook._fields) == [name for name, _ in ffi.typeof("struct zc_socket_look").fields]


def test_each_member_is_read_from_its_place() -> None:
    numbers = {
        name: position
        for position, (name, field) in enumerate(ffi.typeof("struct zc_socket_look").fields, 1)
        if field.type.kind == "primitive" and name != "kind"
    }
    look = decode(record(kind=lib.ZC_LOOK_SOCKET, **numbers) + record(kind=lib.ZC_LOOK_END)).zerocopy[0]
    assert {name: getattr(look, name) for name in numbers} == numbers


@pytest.mark.parametrize("content", [b"", record(kind=lib.ZC_LOOK_SOCKET)])
def test_a_look_without_an_end_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no end"):
        decode(content)


def test_what_stands_behind_the_end_is_a_repetition() -> None:
    sockets = b"".join(record(kind=lib.ZC_LOOK_SOCKET, fd=fd, next_send_id=1) for fd in (5, 7))
    looked = decode(sockets + record(kind=lib.ZC_LOOK_END) + sockets)
    assert [look.fd for look in looked.zerocopy] == [5, 7]


def look_of(**members: object) -> SocketLook:
    return decode(record(kind=lib.ZC_LOOK_SOCKET, **members) + record(kind=lib.ZC_LOOK_END)).others[0]


def address(family: int, text: str) -> list[int]:
    packed = socket.inet_pton(family, text).ljust(16, b"\0")
    return [int.from_bytes(packed[start : start + 8], "little") for start in (0, 8)]


@pytest.mark.parametrize(
    ("family", "text", "shown"),
    [
        (socket.AF_INET, "192.0.2.1", "192.0.2.1:4444"),
        (socket.AF_INET6, "2001:db8::1", "[2001:db8::1]:4444"),
        (socket.AF_INET6, "::ffff:192.0.2.1", "192.0.2.1:4444"),
    ],
)
def test_endpoints_are_written_as_address_and_port(family: int, text: str, shown: str) -> None:
    look = look_of(
        family=family,
        local=address(family, text),
        remote=address(family, text),
        local_port=4444,
        remote_port=socket.htons(4444),
    )
    assert (look.local_text, look.remote_text) == (shown, shown)


def test_a_socket_that_is_not_connected_has_no_remote_end() -> None:
    assert look_of(family=socket.AF_INET).remote_text is None


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"has_device": 1, "device_type": 772, "has_kind": 1}, "loopback"),
        ({"has_device": 1, "device_type": 1, "has_kind": 1}, "physical"),
        (
            {"has_device": 1, "device_type": 1, "has_kind": 1, "device_kind": [int.from_bytes(b"veth", "little"), 0]},
            "veth",
        ),
        ({"has_device": 1, "device_type": 1}, None),
        ({}, None),
    ],
)
def test_the_kind_of_the_device_is_told_only_where_it_is_known(members: dict[str, object], kind: str | None) -> None:
    assert look_of(**members).device_kind_name == kind


def test_many_sockets_without_zerocopy_are_counted_and_the_first_told() -> None:
    kinds = [(socket.AF_INET, 6)] * 5 + [(socket.AF_INET, 17)] * 3 + [(socket.AF_UNIX, 0)] * 2
    content = b"".join(
        record(kind=lib.ZC_LOOK_SOCKET, fd=fd, family=family, protocol=protocol, next_send_id=fd == 4)
        for fd, (family, protocol) in enumerate(kinds)
    )
    looked = decode(content + record(kind=lib.ZC_LOOK_END), most_others=3)
    assert [look.fd for look in looked.zerocopy] == [4]
    assert [look.fd for look in looked.others] == [0, 1, 2]
    assert looked.other_counts == {"tcp": 4, "udp": 3, "unix": 2}
