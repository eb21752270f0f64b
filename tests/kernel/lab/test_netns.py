# SPDX-License-Identifier: GPL-2.0-only
import errno
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zcprobe.journal import JOURNAL_FOLDER, journal
from zcprobe.lab import netns
from zcprobe.lab.namespace import list_namespaces, namespace_path, remove_namespace, run_in_namespace
from zcprobe.lab.netns import NamespacePair, namespace_pair

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

RUN_ID = f"netns{os.getpid()}"


def names_of_this_test() -> list[str]:
    return [name for name in list_namespaces() if RUN_ID in name]


def ip(*arguments: str) -> Any:
    return json.loads(subprocess.run(["ip", "-j", *arguments], check=True, capture_output=True).stdout)


def open_pair(check: Callable[[NamespacePair], None]) -> None:
    with journal(RUN_ID) as opened, namespace_pair(opened) as pair:
        check(pair)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_ip_sees_what_was_made() -> None:
    def check(pair: NamespacePair) -> None:
        assert {pair.sender.name, pair.sink.name} <= {entry["name"] for entry in ip("netns")}
        for namespace in (pair.sender, pair.sink):
            links = {link["ifname"]: link for link in ip("-n", namespace.name, "addr")}
            assert set(links) == {"lo", namespace.device}
            assert links[namespace.device]["operstate"] == "UP"
            addresses = {entry["local"]: entry for entry in links[namespace.device]["addr_info"]}
            assert addresses[namespace.ipv4]["prefixlen"] == 24
            assert "tentative" not in addresses[namespace.ipv6]

    open_pair(check)
    assert names_of_this_test() == []


def test_the_inode_is_the_one_processes_inside_see() -> None:
    def check(pair: NamespacePair) -> None:
        inside = run_in_namespace(pair.sender.name, lambda: os.stat("/proc/thread-self/ns/net").st_ino)
        assert inside == pair.sender.inode != pair.sink.inode

    open_pair(check)


@pytest.mark.parametrize(("family", "attribute"), [(socket.AF_INET, "ipv4"), (socket.AF_INET6, "ipv6")])
def test_tcp_connects_at_once(family: socket.AddressFamily, attribute: str) -> None:
    def check(pair: NamespacePair) -> None:
        address = (getattr(pair.sink, attribute), 5201)
        listener = run_in_namespace(pair.sink.name, lambda: socket.create_server(address, family=family))
        client = run_in_namespace(pair.sender.name, lambda: socket.create_connection(address, timeout=1))
        with listener, client, listener.accept()[0] as accepted:
            client.sendall(b"x" * 1009)
            assert accepted.recv(1009, socket.MSG_WAITALL) == b"x" * 1009

    open_pair(check)


def test_nothing_of_the_caller_changes() -> None:
    before = (os.stat("/proc/thread-self/ns/net").st_ino, descriptors(), threading.active_count())
    children = Path(f"/proc/self/task/{os.getpid()}/children")

    def check(_pair: NamespacePair) -> None:
        assert os.stat("/proc/thread-self/ns/net").st_ino == before[0]
        assert threading.active_count() == before[2]
        assert not children.exists() or children.read_text() == ""

    open_pair(check)
    assert (os.stat("/proc/thread-self/ns/net").st_ino, descriptors(), threading.active_count()) == before


def test_it_is_fast() -> None:
    open_pair(lambda pair: None)
    start = time.monotonic()
    open_pair(lambda pair: None)
    assert time.monotonic() - start < 0.5


def test_an_error_in_the_run_leaves_nothing() -> None:
    def fail(_pair: NamespacePair) -> None:
        raise ValueError("in the run")

    with pytest.raises(ValueError, match="in the run"):
        open_pair(fail)
    assert names_of_this_test() == []
    assert not (JOURNAL_FOLDER / f"{RUN_ID}.json").exists()


@pytest.mark.parametrize("step", ["_make_namespace", "_make_veth", "_bring_up"])
def test_an_error_half_way_leaves_nothing(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(netns, step)

    def make_and_fail(*arguments: object) -> None:
        original(*arguments)
        raise ValueError("half way")

    monkeypatch.setattr(netns, step, make_and_fail)
    with pytest.raises(ValueError, match="half way"):
        open_pair(lambda pair: None)
    assert names_of_this_test() == []
    assert not (JOURNAL_FOLDER / f"{RUN_ID}.json").exists()


@pytest.mark.parametrize("step", ["make_namespace", "_make_veth", "_bring_up", "remove_namespace"])
def test_an_interrupt_at_any_step_leaves_nothing(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = getattr(netns, step)

    def interrupt_and_make(*arguments: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(netns, step, interrupt_and_make)
    with pytest.raises(KeyboardInterrupt):
        open_pair(lambda pair: None)
    assert names_of_this_test() == []
    assert not (JOURNAL_FOLDER / f"{RUN_ID}.json").exists()


def test_both_namespaces_go_while_run_is_full() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with journal(RUN_ID) as opened, namespace_pair(opened):
        os.dup2(full, opened.fd)
    os.close(full)
    assert names_of_this_test() == []
    assert not (JOURNAL_FOLDER / f"{RUN_ID}.json").exists()


@pytest.mark.parametrize("side", ["tx", "rx"])
def test_one_that_cannot_be_removed_does_not_keep_the_other(side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"zcprobe-{RUN_ID}-{side}"

    def fail_for_one(which: str, inode: int) -> bool:
        if which == name:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), which)
        return remove_namespace(which, inode)

    monkeypatch.setattr(netns, "remove_namespace", fail_for_one)
    with pytest.raises(OSError, match="busy"):
        open_pair(lambda pair: None)
    left = JOURNAL_FOLDER / f"{RUN_ID}.json"
    try:
        assert names_of_this_test() == [name]
        assert list(json.loads(left.read_text().splitlines()[-1])["namespaces"]) == [name]
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)
        left.unlink()


def test_a_namespace_path_is_where_ip_looks() -> None:
    def check(pair: NamespacePair) -> None:
        assert pair.sender.path == str(namespace_path(pair.sender.name)) == f"/var/run/netns/zcprobe-{RUN_ID}-tx"

    open_pair(check)
