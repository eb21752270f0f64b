# SPDX-License-Identifier: GPL-2.0-only
"""Ends of connections: addresses as sockets take them, and a connection that is hung up."""

import socket

import pytest

from zcprobe.endpoint import hang_up, of_any_family, socket_address, socket_family
from zcprobe.errors import UsageError
from zcprobe.host.loopback import loopback_pair


@pytest.mark.parametrize(
    ("address", "family"), [("127.0.0.1", socket.AF_INET), ("a-host", socket.AF_INET), ("fd00::1", socket.AF_INET6)]
)
def test_an_address_has_a_family_and_a_name_is_of_ipv4(address: str, family: int) -> None:
    assert socket_family(address) == family
    assert socket_address(address, 1009) == (address, 1009)


def test_a_vsock_address_is_a_number() -> None:
    assert socket_address("vsock:4294967295", 1009) == (4294967295, 1009)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("vsock:4294967296", "does not name a vsock context"),
        ("vsock:-1", "does not name a vsock context"),
        ("vsock:x", "does not name a vsock context"),
        ("", "cannot be the name of a host"),
        ("a..b", "cannot be the name of a host"),
        ("x" * 64, "cannot be the name of a host"),
        ("ä" * 70, "cannot be the name of a host"),
    ],
)
def test_what_no_resolver_can_be_asked_for_is_refused(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        socket_address(address, 1009)


def test_the_other_side_of_what_was_hung_up_sees_a_reset_and_not_an_end() -> None:
    ours, theirs = loopback_pair(5.0)
    with theirs:
        hang_up(ours)
        assert ours.fileno() == -1
        with pytest.raises(ConnectionResetError):
            theirs.recv(1)


def test_an_option_set_through_another_family_is_set_on_the_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with of_any_family(ours) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED) == 1
