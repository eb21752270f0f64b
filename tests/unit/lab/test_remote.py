# SPDX-License-Identifier: GPL-2.0-only
import os

import pytest

from zcprobe.config import DEFAULT_PORT
from zcprobe.errors import UsageError
from zcprobe.lab.remote import REMOTE, open_remote, parse_target


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("example.org", ("example.org", DEFAULT_PORT)),
        ("10.0.0.1:77", ("10.0.0.1", 77)),
        ("[fe80::1]:77", ("fe80::1", 77)),
        ("[fe80::1]", ("fe80::1", DEFAULT_PORT)),
        ("2001:db8::ab:1", ("2001:db8::ab:1", DEFAULT_PORT)),
        ("::1", ("::1", DEFAULT_PORT)),
        ("bücher.example:77", ("xn--bcher-kva.example", 77)),
        ("vsock:2", ("vsock:2", DEFAULT_PORT)),
        ("vsock:2:77", ("vsock:2", 77)),
    ],
)
def test_targets_are_read(text: str, target: tuple[str, int]) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize("text", ["", ":77", "host:", "host:x", "a b", "vsock:", "[::1", "[]:77", "host:77:88"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="does not name a sink") as refused:
        parse_target(text)
    assert "HOST:PORT" in refused.value.hint


@pytest.mark.parametrize("text", ["x" * 64, f"{'x' * 70}.org:77", "a..b", "ä" * 70, "a\udcff"])
def test_what_no_resolver_can_be_asked_for_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a host"):
        parse_target(text)


def test_a_context_of_more_than_32_bits_is_refused() -> None:
    with pytest.raises(UsageError, match="does not name a vsock context"):
        parse_target(f"vsock:{2**32}")


@pytest.mark.parametrize("text", ["host:0", "host:65536", "vsock:2:70000"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a valid port"):
        parse_target(text)


def test_a_remote_lab_is_our_own_namespace_and_changes_nothing() -> None:
    lab = open_remote("192.0.2.1:77")
    assert (lab.scenario, lab.sink_address, lab.sink_port) == (REMOTE, "192.0.2.1", 77)
    assert lab.sender_netns_path is lab.sink_netns_path is None
    assert lab.sender_netns_inode == os.stat("/proc/self/ns/net").st_ino
    assert lab.impairment == {}
    assert lab.optmem_max_bytes > 0


@pytest.mark.parametrize("target", ["127.0.0.1", "[::1]:77", "localhost"])
def test_of_a_target_of_our_own_the_device_is_loopback_which_has_scatter_gather(target: str) -> None:
    lab = open_remote(target)
    assert (lab.sender_device, lab.scatter_gather) == ("lo", True)
    assert lab.mtu_bytes == 65536


@pytest.mark.parametrize("target", ["vsock:2:77", "no.such.host.invalid"])
def test_where_no_device_can_be_known_none_is_named(target: str) -> None:
    lab = open_remote(target)
    assert (lab.sender_device, lab.scatter_gather, lab.mtu_bytes) == (None, None, None)
