# SPDX-License-Identifier: GPL-2.0-only
"""The limit that is predicted, on sockets whose need is measured: it is enough, and at most twice what was needed.

The kernel looks at the level of optmem at the beginning of each send. Only sends raise it, so the level right before a
send is never less than what the kernel looks at.
"""

import errno
import fcntl
import mmap
import os
import socket
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack
from math import ceil
from typing import Any

import msgspec
import pytest

from tests.kernel.analysis.delayed_path import TUN, DelayedPath, delayed_path, levels
from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction import predict
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES
from zcprobe.host.zerocopy import MSG_ERRQUEUE, MSG_ZEROCOPY, try_zerocopy_send
from zcprobe.journal import journal
from zcprobe.lab.impairments.hold import HoldImpairment, held_clones
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.netns import namespace_pair

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(not TUN.exists(), reason="TUN devices need /dev/net/tun"),
]

ROOMY = 64 << 20
TRIALS = 3
"""A busy machine may stop the sender and not the path, so that little is sent in a long time: the limit is enough then,
but seldom tight. It has to be tight once."""

PACED = [(size, rate, delay) for size, rate in ((4096, 2000), (16384, 1500), (65536, 1000), (262144, 400))
         for delay in (0.01, 0.02, 0.04)]  # fmt: skip
"""(bytes of a send, sends in a second, seconds until the acknowledgement)"""

UNPACED = [(size, sndbuf) for size in (4096, 16384, 65536, 524288) for sndbuf in (1 << 18, 1 << 20, 1 << 22, 1 << 23)]
"""(bytes of a send, bytes of the send buffer)"""

LEAST_SENDS = 6
"""A send that is larger than the send buffer waits for more than one acknowledgement."""

CHANNELS = [(size, rate, channels) for size, rate in ((16384, 1000), (65536, 600)) for channels in (2, 4)]
"""(bytes of a send, sends in a second on each channel, channels)"""

LATE = [(share, every) for share in (0.25, 0.5) for every in (16, 64)]
"""(share of the sends with a clone that is held, sends between two readings)"""


class Measured(msgspec.Struct, frozen=True):
    """`needed_bytes`: no send would have been refused with this limit. `least_bytes`: with a smaller one, one would
    have been. `delay_ns`: the longest time that a send was unacknowledged."""

    needed_bytes: int
    least_bytes: int
    delay_ns: int


@pytest.fixture(scope="module")
def path() -> Iterator[DelayedPath]:
    with journal(f"predict{os.getpid()}") as opened, namespace_pair(opened) as pair, delayed_path(pair) as made:
        yield made


@pytest.fixture(scope="module")
def charge() -> int:
    return try_zerocopy_send().charge_bytes


def _drain(connection: socket.socket) -> None:
    try:
        while True:
            connection.recvmsg(0, 512, MSG_ERRQUEUE)
    except BlockingIOError:
        return


class _Sender:
    """Sends on one socket, and measures what it needs."""

    def __init__(self, connection: socket.socket, size: int, charge: int) -> None:
        self._connection, self._size, self._charge = connection, size, charge
        self._payload = mmap.mmap(-1, size)  # begins with a page, so it takes no more pages than it must
        self._starts_ns: list[int] = []
        self._before = self._after = self._delay_ns = 0

    def send(self) -> None:
        self._before = max(self._before, levels(self._connection).optmem_bytes)
        self._starts_ns.append(time.monotonic_ns())
        assert self._connection.send(self._payload, MSG_ZEROCOPY) == self._size
        self._after = max(self._after, levels(self._connection).optmem_bytes)
        waiting = struct.unpack("=i", fcntl.ioctl(self._connection, termios.TIOCOUTQ, bytes(4)))[0]
        if waiting:
            oldest = self._starts_ns[-ceil(waiting / self._size)]
            self._delay_ns = max(self._delay_ns, time.monotonic_ns() - oldest)

    def measured(self) -> Measured:
        room = SKB_TRUESIZE_ZERO_BYTES
        return Measured(self._before + room, self._after - self._charge + room, self._delay_ns)


def _pace(senders: list[_Sender], rate: float, seconds: float, readings: tuple[int, list[socket.socket]]) -> None:
    """Each sender sends so often in a second, never earlier, and what is late is not made up for."""
    every, read = readings
    end, count = time.monotonic() + seconds, 0
    while (now := time.monotonic()) < end:
        for sender in senders:
            sender.send()
        count += 1
        if every and count % every == 0:
            for connection in read:
                _drain(connection)
        time.sleep(max(now + 1 / rate - time.monotonic(), 0))


def _paced(path: DelayedPath, charge: int, size: int, rate: float, delay: float, **how: Any) -> list[Measured]:
    """What sockets of paced senders needed that send for some time, longer than the path and the hold are."""
    with ExitStack() as stack:
        connections = [stack.enter_context(path.connection(64 << 20)) for _ in range(how.get("channels", 1))]
        senders = [_Sender(connection, size, charge) for connection in connections]
        path.delay(delay)
        _pace(senders, rate, how.get("seconds", 0.1 + 2 * delay), (how.get("every", 0), connections))
        return [sender.measured() for sender in senders]


def _check_paced(path: DelayedPath, charge: int, size: int, rate: float, delay: float, **how: Any) -> None:
    late = how.pop("late", {})
    channels, every = how.get("channels", 1), how.get("every")
    path.limit(ROOMY)
    for _ in range(TRIALS):
        found = _paced(path, charge, size, rate, delay, **how)
        predicted = predict(
            Demand(
                send_bytes=size, charge_bytes=charge, sndbuf_bytes=64 << 20, is_paced=True, channels=channels,
                bandwidth_bps=8 * size * rate * channels, delay_ns=max(one.delay_ns for one in found),
                read_every_sends=every, **late,
            )
        ).optmem_max_bytes  # fmt: skip
        assert predicted is not None
        assert max(one.needed_bytes for one in found) <= predicted
        if predicted <= 2 * max(one.least_bytes for one in found):
            return
    pytest.fail(f"{predicted} bytes were predicted, and {found} needed")


@pytest.mark.parametrize(("size", "rate", "delay"), PACED)
def test_a_paced_sender(path: DelayedPath, charge: int, size: int, rate: int, delay: float) -> None:
    _check_paced(path, charge, size, rate, delay)


@pytest.mark.parametrize(("size", "rate", "channels"), CHANNELS)
def test_each_of_several_channels(path: DelayedPath, charge: int, size: int, rate: int, channels: int) -> None:
    _check_paced(path, charge, size, rate, 0.02, channels=channels)


def _fill(path: DelayedPath, size: int, sndbuf: int) -> None:
    """Sends as fast as the socket takes data, past the first acknowledgements. OSError for a refused send."""
    payload, count = mmap.mmap(-1, size), 0
    with path.connection(sndbuf) as connection:
        path.delay(0.06)
        end = time.monotonic() + 0.1
        while time.monotonic() < end or count < LEAST_SENDS:
            assert connection.send(payload, MSG_ZEROCOPY) == size
            count += 1


@pytest.mark.parametrize(("size", "sndbuf"), UNPACED)
def test_a_sender_that_fills_its_send_buffer(path: DelayedPath, charge: int, size: int, sndbuf: int) -> None:
    """No send is refused with the limit that is predicted, and one is with half of it."""
    predicted = predict(Demand(send_bytes=size, charge_bytes=charge, sndbuf_bytes=sndbuf)).optmem_max_bytes
    assert predicted is not None
    path.limit(predicted)
    _fill(path, size, sndbuf)
    path.limit(predicted // 2)
    with pytest.raises(OSError, match=os.strerror(errno.ENOBUFS)):
        _fill(path, size, sndbuf)


LATE_SIZE, LATE_RATE, LATE_DELAY, HELD = 32768, 1000, 0.01, 24
"""Sends of one packet each, how many in a second, how late their acknowledgements come, and how many clones wait."""

_HEADERS = 23 * 66
"""Bytes that a queue adds for the segments of a packet of 32 KiB: Ethernet, IPv4, TCP with timestamps."""


def _late(path: DelayedPath, stack: ExitStack, share: float) -> dict[str, Any]:
    """Holds a clone of that share of the packets: the others find the queue full, and their clones are freed."""
    packet = LATE_SIZE + _HEADERS
    bucket = TokenBucket(
        rate_bps=int(8 * packet * LATE_RATE * share), burst_bytes=128 * 1024, limit_bytes=HELD * packet
    )
    stack.enter_context(held_clones(path.pair.sender, HoldImpairment(one_in_count=1, bucket=bucket), "ipv4"))
    return {"late_share": share, "late_ns": int(1e9 * HELD / (LATE_RATE * share))}


@pytest.mark.parametrize(("share", "every"), LATE)
def test_late_sends_that_are_read_in_time(path: DelayedPath, charge: int, share: float, every: int) -> None:
    with ExitStack() as stack:
        late = _late(path, stack, share)
        _check_paced(path, charge, LATE_SIZE, LATE_RATE, LATE_DELAY, every=every, seconds=0.5, late=late)


def test_late_sends_need_reading_as_often_as_is_said_and_without_it_no_limit(path: DelayedPath, charge: int) -> None:
    """At the limit for which the prediction says how often to read."""
    with ExitStack() as stack:
        late = _late(path, stack, 0.25)
        found = predict(
            Demand(
                send_bytes=LATE_SIZE, charge_bytes=charge, sndbuf_bytes=64 << 20, is_paced=True, delay_ns=20_000_000,
                bandwidth_bps=8 * LATE_SIZE * LATE_RATE, **late,
            )
        )  # fmt: skip
        assert (found.bounded, found.optmem_max_bytes) == (False, None)
        assert found.read_at_optmem_max_bytes is not None
        path.limit(found.read_at_optmem_max_bytes)
        how = {"seconds": 1.0}
        _paced(path, charge, LATE_SIZE, LATE_RATE, LATE_DELAY, every=found.read_every_sends, **how)
        with pytest.raises(OSError, match=os.strerror(errno.ENOBUFS)):
            _paced(path, charge, LATE_SIZE, LATE_RATE, LATE_DELAY, **how)
