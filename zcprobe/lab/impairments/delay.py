# SPDX-License-Identifier: GPL-2.0-only
"""Late acknowledgements, which keep many sends in flight at once."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar

import msgspec

from zcprobe.errors import HostError
from zcprobe.lab.impairments.path import ImpairedPath, undo_in
from zcprobe.lab.impairments.qdisc import TokenBucket, add_bucket, read_queue, remove_root_qdisc
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netlink import open_route
from zcprobe.lab.netns import NamespacePair
from zcprobe.signals import deferred_signals

__all__ = ["DelayImpairment", "delayed_acks"]

_TCP_SYSCTLS = Path("/proc/sys/net/ipv4")


class DelayImpairment(msgspec.Struct, frozen=True, kw_only=True):
    """Acknowledgements wait in `bucket` on their way back, so many sends are in flight at once.

    A queue on the path to the sink would not work: veth keeps the packet's socket (skb_scrub_packet does not orphan
    since 4.19), so the sender's TSQ sees the queue and keeps it short, and sends behind it extend one notification
    instead of adding more. A send that is acknowledged late, by contrast, has left TSQ's account.

    Each send gets its own notification only while the send buffer, and not the congestion or receive window, limits the
    sender; otherwise sends share the notification of the unsent tail. So the TCP settings belong to the impairment:
    buffers of fixed limits, and a congestion control that ignores delay when it grows its window (cubic leaves slow
    start because of delay, BBR sizes its window by it). reno is in every kernel.
    """

    prefix: ClassVar[str] = "delay"

    bucket: TokenBucket
    congestion_control: str = "reno"
    send_buffer_max_bytes: int = 4 * 1024 * 1024
    receive_buffer_max_bytes: int = 32 * 1024 * 1024

    def put_on(self, path: ImpairedPath) -> AbstractContextManager[None]:
        return delayed_acks(path.pair, self)

    def read_effects(self, path: ImpairedPath) -> dict[str, int | None]:
        queue = read_queue(path.pair.sink, path.pair.sink.device, "tbf")
        return {
            "delayed_packets": queue.packets if queue else None,
            "delay_waits": queue.waits if queue else None,
            "delay_dropped_packets": queue.dropped_packets if queue else None,
        }


def _set_tcp(settings: dict[str, str]) -> None:
    for name, value in settings.items():
        try:
            (_TCP_SYSCTLS / name).write_text(value)
        except OSError as error:
            raise HostError(
                f"net.ipv4.{name} cannot be set to {value!r} in a network namespace: {error.strerror}",
                "use a kernel since 4.15, and a congestion control that is loaded",
            ) from error


def _add_delay(device: str, delay: DelayImpairment) -> None:
    _set_tcp({"tcp_rmem": f"4096 131072 {delay.receive_buffer_max_bytes}"})
    with open_route() as route:
        add_bucket(route, route.link_lookup(ifname=device)[0], delay.bucket)


@contextmanager
def delayed_acks(pair: NamespacePair, delay: DelayImpairment) -> Iterator[None]:
    """Puts the bucket on the sink's device, where only acknowledgements leave. The TCP settings stay until the
    namespaces are gone; nobody else sees them."""
    sender_settings = {
        "tcp_congestion_control": delay.congestion_control,
        "tcp_wmem": f"4096 16384 {delay.send_buffer_max_bytes}",
    }
    try:
        with deferred_signals():
            run_in_namespace(pair.sender.name, lambda: _set_tcp(sender_settings))
            run_in_namespace(pair.sink.name, lambda: _add_delay(pair.sink.device, delay))
        yield
    finally:
        with deferred_signals():
            undo_in(pair.sink, lambda: remove_root_qdisc(pair.sink.device, "tbf"))
