# SPDX-License-Identifier: GPL-2.0-only
"""One channel, driven step by step over loopback."""

import errno
import fcntl
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from zcprobe.channel import ZeroCopyChannel
from zcprobe.errors import UsageError
from zcprobe.host.zerocopy import IP_RECVERR, MSG_ZEROCOPY
from zcprobe.native import lib

MIB = 1 << 20
SO_SNDBUFFORCE = 32
SO_TIMESTAMP = 29
SO_TIMESTAMPING = 37
SOF_TX_SOFTWARE, SOF_SOFTWARE, SOF_OPT_TSONLY = 1 << 1, 1 << 4, 1 << 11
ORIGIN_ICMP, ORIGIN_TIMESTAMPING = 2, 4


@contextmanager
def pair(policy: str = "qemu-merged", **options: Any) -> Iterator[tuple[ZeroCopyChannel, socket.socket, socket.socket]]:
    """Channel, its own socket, and the peer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
    sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with sender, peer, ZeroCopyChannel(sender, policy, **options) as channel:
        yield channel, sender, peer


def receive(peer: socket.socket, count: int) -> None:
    while count:
        count -= len(peer.recv(min(count, MIB)))


def test_a_flush_waits_for_the_peer() -> None:
    with pair() as (channel, _, peer):
        taken = channel.writev(b"x" * 65536)
        assert channel.in_flight == 1
        reader = threading.Timer(0.2, receive, (peer, taken))
        start = time.monotonic()
        reader.start()
        channel.flush()
        assert time.monotonic() - start < 5
        assert channel.in_flight == 0
        reader.join()


@pytest.mark.parametrize(("variant", "nothing_pending"), [("all-copied", 0), ("sticky", 1), ("any-copied", 0)])
def test_what_a_flush_returns(variant: Any, nothing_pending: int) -> None:
    """Loopback hands the pages to the receiver, for which the kernel copies them: every completion is COPIED."""
    with pair(flush_variant=variant) as (channel, _, peer):
        assert channel.flush() == nothing_pending
        for _ in range(3):
            receive(peer, channel.writev(b"x" * 4096))
            assert channel.flush() == 1
        assert channel.flush() == nothing_pending
        counters = channel.counters
        assert (counters["flush_count"], counters["missed_sticky_count"]) == (5, 5)
        assert counters["missed_all_copied_count"] == counters["missed_any_copied_count"] == 3
        assert counters["missed_zero_copy_count"] == (5 if nothing_pending else 3)


def test_plain_writes_are_never_waited_for() -> None:
    with pair(flush_variant="sticky") as (channel, _, peer):
        assert channel.writev(b"x" * 1000, zerocopy=False) == 1000
        assert channel.in_flight == 0
        assert channel.flush() == 1
        assert channel.counters["notification_count"] == 0
        receive(peer, 1000)


def test_parts_are_sent_in_order_as_one_send() -> None:
    with pair() as (channel, _, peer):
        assert channel.writev(b"ab", b"", b"cde", b"f") == 6
        assert peer.recv(100) == b"abcdef"
        channel.flush()
        assert channel.counters["send_count"] == 1


def fill(channel: ZeroCopyChannel) -> int:
    """Writes until the socket accepts no more; returns the bytes accepted."""
    total = 0
    for _ in range(1000):
        try:
            total += channel.writev(b"x" * MIB)
        except BlockingIOError:
            return total
    pytest.fail("a socket that takes a gigabyte")


def test_a_full_socket_that_does_not_block_says_so() -> None:
    with pair("qemu-shipped") as (channel, _, peer):
        channel.set_blocking(False)
        total = fill(channel)
        assert total > 0
        assert channel.counters["eagain_count"] == 1
        assert channel.counters["enobufs_count"] == 0
        assert channel.counters["bytes_sent"] == total
        record = channel.records("sends").iloc[-1]
        assert (record["error"], record["taken_bytes"]) == (errno.EAGAIN, 0)
        receive(peer, total)
        channel.flush()
        assert channel.writev(b"x") == 1


def is_blocking(sender: socket.socket) -> bool:
    return not fcntl.fcntl(sender.fileno(), fcntl.F_GETFL) & os.O_NONBLOCK


def test_the_field_and_the_descriptor_are_set_together() -> None:
    with pair() as (channel, sender, _):
        assert is_blocking(sender)
        channel.set_blocking(False)
        assert not is_blocking(sender)
        channel.set_blocking(True)
        assert is_blocking(sender)


def send_until_refused(channel: ZeroCopyChannel) -> int:
    """Writes until an ENOBUFS; returns 0 if the policy saved that write, else the errno with which it ended."""
    for _ in range(2000):
        try:
            channel.writev(b"x" * 300_000)
        except OSError as error:
            return error.errno or 0
        if channel.counters["enobufs_count"]:
            return 0
    pytest.fail("2000 sends without ENOBUFS")


@pytest.mark.parametrize("blocking", [False, True])
def test_the_field_decides_whether_enobufs_waits(blocking: bool) -> None:
    """Charges are in flight until the peer reads: a write that waits succeeds once it does, another one at no time."""
    with pair("qemu-shipped") as (channel, sender, peer):
        # more than optmem has room for, so that it is not the send buffer that fills up
        sender.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 256 * MIB)
        channel.set_blocking(blocking)
        ended_with: list[int] = []
        writer = threading.Thread(target=lambda: ended_with.append(send_until_refused(channel)))
        writer.start()
        while writer.is_alive() and not channel.counters["enobufs_count"]:
            time.sleep(0.01)
        if not blocking:
            writer.join()
        time.sleep(0.1)
        reader = threading.Thread(target=receive_all, args=(peer,))
        reader.start()
        writer.join()
        sender.shutdown(socket.SHUT_WR)
        reader.join()
        counters = channel.counters
    if blocking:
        assert (ended_with, counters["enobufs_count"]) == ([0], 1)
        assert counters["stall_max_ns"] > 10_000_000
    else:
        assert (ended_with, counters["enobufs_count"]) == ([errno.ENOBUFS], 2)
        assert counters["stall_max_ns"] < 10_000_000


def receive_all(peer: socket.socket) -> None:
    while peer.recv(MIB):
        pass


def test_an_ordinary_error_is_one_and_no_policy_is_asked() -> None:
    with pair("folly") as (channel, sender, _):
        sender.shutdown(socket.SHUT_WR)
        with pytest.raises(BrokenPipeError):
            channel.writev(b"x")
        assert channel.counters["enobufs_count"] == 0


def assert_check(channel: ZeroCopyChannel, check: int, error: int) -> None:
    with pytest.raises(OSError) as failed:  # noqa: PT011  (the errno is what counts)
        channel.drain()
    assert (failed.value.errno, channel.counters["error_check"]) == (error, check)
    assert channel.counters["completion_count"] == 0


@pytest.mark.parametrize("option", [SOF_OPT_TSONLY, 0], ids=["time alone", "with its packet"])
def test_a_timestamp_may_end_a_reading_but_not_the_channel(option: int) -> None:
    """The entry carries ENOMSG besides its foreign origin; the errno is checked first, as in QEMU."""
    with pair(foreign="error") as (channel, sender, peer):
        sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, SOF_TX_SOFTWARE | SOF_SOFTWARE | option)
        sender.send(b"x")
        sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, 0)
        peer.recv(1)
        channel.writev(b"x" * 4096)
        assert_check(channel, lib.ZC_CHECK_ERRNO, errno.ENOMSG)
        receive(peer, 4096)
        channel.flush()
        assert channel.in_flight == channel.counters["foreign_count"] == 0


@pytest.mark.parametrize("option", [SOF_OPT_TSONLY, 0], ids=["time alone", "with its packet"])
def test_timestamps_among_the_notifications_are_counted_and_passed_over(option: int) -> None:
    with pair() as (channel, sender, peer):
        sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, SOF_TX_SOFTWARE | SOF_SOFTWARE | option)
        for _ in range(23):
            receive(peer, channel.writev(b"x" * 4096))
            channel.flush()
        counters = channel.counters
        # the last may lie behind the last notification
        assert counters["foreign_count"] in (22, 23)
        assert (counters["foreign_origin"], counters["foreign_error"]) == (ORIGIN_TIMESTAMPING, errno.ENOMSG)
        assert counters["completion_count"] == 23
        notifications = channel.records("notifications")
        assert set(notifications["origin"]) == {5}
        assert (notifications["hi"] - notifications["lo"] + 1).sum() == 23


def test_a_time_before_the_notification_does_not_hide_it() -> None:
    """With SO_TIMESTAMP the kernel puts a timestamp before IP_RECVERR."""
    with pair(foreign="error") as (channel, sender, peer):
        sender.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMP, 1)
        receive(peer, channel.writev(b"x" * 4096))
        channel.flush()
        assert channel.counters["completion_count"] == 1


@contextmanager
def datagram_pair(family: int, **options: Any) -> Iterator[tuple[ZeroCopyChannel, socket.socket, socket.socket]]:
    with socket.socket(family, socket.SOCK_DGRAM) as sender, socket.socket(family, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        sender.connect(peer.getsockname())
        with ZeroCopyChannel(sender, **options) as channel:
            yield channel, sender, peer


def test_an_error_of_the_path_is_passed_over_too() -> None:
    """Nobody listens there any more, so a socket with IP_RECVERR gets the ICMP message on its error queue."""
    with datagram_pair(socket.AF_INET) as (channel, sender, peer):
        sender.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        peer.close()
        channel.writev(b"x" * 500)
        # loopback answers before the call returns: the notification stands before the error, and is read alone
        channel.flush()
        with pytest.raises(ConnectionRefusedError):
            channel.writev(b"x" * 500)
        channel.writev(b"x" * 500)
        channel.flush()
        counters = channel.counters
        assert counters["completion_count"] == counters["send_count"] == 2
        assert (counters["foreign_origin"], counters["foreign_error"]) == (ORIGIN_ICMP, errno.ECONNREFUSED)
        assert counters["foreign_count"] == 1


def test_what_becomes_of_foreign_entries_is_skip_or_error() -> None:
    with pytest.raises(UsageError, match="'report'") as refused, pair(foreign="report"):
        pass
    assert refused.value.hint == "choose from: skip, error"


def test_an_empty_write_is_no_send_on_a_stream() -> None:
    """The kernel gives an empty write no id, so it never completes."""
    with pair() as (channel, _, peer):
        for _ in range(3):
            assert channel.writev(b"") == channel.writev(b"", b"") == 0
            receive(peer, channel.writev(b"x" * 4096))
        assert channel.in_flight == 3
        channel.flush()
        assert (channel.counters["send_count"], channel.counters["completion_count"]) == (3, 3)
        sends = channel.records("sends")
        with_id = sends[sends["taken_bytes"] > 0]
        assert with_id["send_id"].tolist() == [0, 1, 2]
        assert set(sends["send_id"][sends["taken_bytes"] == 0]) == {2**64 - 1}
        notifications = channel.records("notifications")
        assert (notifications["lo"].min(), notifications["hi"].max()) == (0, 2)
        assert channel.writev(b"", zerocopy=False) == 0
        assert channel.counters["plain_count"] == 1


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_an_empty_datagram_is_a_send(family: int) -> None:
    """An empty datagram has a header to send, so the kernel gives it an id."""
    with datagram_pair(family) as (channel, _, peer):
        for part in (b"x", b"", b"xx", b""):
            channel.writev(part)
            assert peer.recv(10) == part
        channel.flush()
        assert (channel.counters["send_count"], channel.counters["completion_count"]) == (4, 4)
        assert channel.records("sends")["send_id"].tolist() == [0, 1, 2, 3]
        assert channel.records("notifications")["hi"].max() == 3


def test_more_completions_than_sends_are_found_out() -> None:
    """Somebody else sends on the same socket."""
    with pair() as (channel, sender, peer):
        sender.send(b"x" * 4096, MSG_ZEROCOPY)
        receive(peer, channel.writev(b"x" * 4096) + 4096)
        time.sleep(0.05)  # until both are completed, and merged into one notification
        assert_check(channel, lib.ZC_CHECK_COUNT, errno.EPROTO)


def test_a_closed_channel_refuses_and_keeps_its_counters() -> None:
    with pair() as (channel, _, peer):
        receive(peer, channel.writev(b"x" * 4096))
        channel.flush()
        channel.close()
        channel.close()
        for use in (channel.flush, channel.drain, lambda: channel.writev(b"x"), lambda: channel.records("sends")):
            with pytest.raises(ValueError, match="closed"):
                use()
        assert channel.counters["send_count"] == 1


def test_reading_what_has_no_error_queue_is_its_own_error() -> None:
    with pair() as (channel, sender, peer):
        receive(peer, channel.writev(b"x" * 4096))
        kept, other = os.dup(sender.fileno()), os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(other, sender.fileno())
            assert_check(channel, lib.ZC_CHECK_READ, errno.ENOTSOCK)
        finally:
            os.dup2(kept, sender.fileno())
            os.close(other)
            os.close(kept)
        channel.flush()
        assert channel.in_flight == 0


def test_a_policy_or_a_table_that_is_none_is_refused() -> None:
    with pytest.raises(Exception, match="unknown policy"), pair("none-such"):
        pass
    with pair() as (channel, _, _), pytest.raises(Exception, match="no table 'sent'"):
        channel.records("sent")


def test_records_are_there_without_closing() -> None:
    with pair() as (channel, _, peer):
        for _ in range(23):
            receive(peer, channel.writev(b"x" * 4096))
        channel.flush()
        assert channel.records("sends")["send_id"].tolist() == list(range(23))
        notifications = channel.records("notifications")
        assert (notifications["hi"] - notifications["lo"] + 1).sum() == 23
        assert channel.records("rounds").empty
