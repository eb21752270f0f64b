# SPDX-License-Identifier: GPL-2.0-only
"""What one run is asked to do. A member that is None takes the scenario's own value."""

import os
from typing import Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES, SKB_TRUESIZE_ZERO_BYTES
from zcprobe.policies import PolicyParameters, find_policy
from zcprobe.units import format_bytes
from zcprobe.workloads import FRAME_BYTES, MAX_SEND_BYTES, PAGE_BYTES, Traffic

__all__ = [
    "DEFAULT_DATAGRAM_BYTES",
    "DEFAULT_DEADLINE_S",
    "DEFAULT_PORT",
    "DEFAULT_RECORD_LIMIT_BYTES",
    "MAX_CHANNELS",
    "MAX_PORT",
    "MAX_SEND_COUNT",
    "Buffers",
    "Family",
    "FlushVariant",
    "ProbeLevel",
    "ProbeMechanism",
    "Protocol",
    "RunConfig",
    "SocketOptions",
    "WaitFor",
]

Family = Literal["ipv4", "ipv6", "vsock"]
Protocol = Literal["tcp", "udp"]
ProbeLevel = Literal["off", "summary", "timeline", "full"]
ProbeMechanism = Literal["fentry", "kprobe", "tracepoint"]
Buffers = Literal["anonymous", "hugepages", "file"]
WaitFor = Literal["error", "input", "both"]
FlushVariant = Literal["all-copied", "sticky", "any-copied"]

DEFAULT_PORT = 5301
"""The port on which a sink listens unless told otherwise."""

MAX_PORT = 65535

MAX_SEND_COUNT = 10**12
"""The largest -n. No sender makes more sends in a day."""

DEFAULT_RECORD_LIMIT_BYTES = 4 << 30
DEFAULT_DEADLINE_S = 30.0

DEFAULT_DATAGRAM_BYTES = 1400
"""The size of a datagram when none was chosen. It fits into an Ethernet frame with the headers of either family."""

_MIN_DURATION_S, _MAX_DURATION_S = 0.001, 86400.0
MAX_CHANNELS = 64
_MIN_RECORD_LIMIT_BYTES, _MAX_RECORD_LIMIT_BYTES = 1 << 20, 2**63 - 1
_MIN_PACING_BPS, _MAX_PACING_BPS = 8, 10**12
_LARGEST_INT = 2**31 - 1
"""The largest value of a sysctl or a socket option, which the kernel keeps in an int."""

_MAX_DATAGRAM_BYTES = {"ipv4": 65535 - 20 - 8, "ipv6": 65535 - 8}
"""Largest payloads. The 16-bit length of IPv4 includes the IP header, that of IPv6 does not; both include UDP's."""


class SocketOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of each channel's socket. `sndbuf_bytes` is the argument of SO_SNDBUF; `pacing_bps` is in bit/s."""

    nodelay: bool = True
    cork: bool = False
    sndbuf_bytes: int | None = None
    pacing_bps: int | None = None


class RunConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of one policy in one scenario, or towards the sink at `to` (HOST:PORT).

    Each of `channels` makes `send_count` writes of `send_bytes`, or writes for `duration_s` seconds when it is given.
    `deadline_s`, on top of that, cuts a run that hangs; None is `DEFAULT_DEADLINE_S`, or longer where calibration says
    that the run takes longer. `settle_s` is the longest wait for late completions once the
    outcome is known. `hold_one_in_count` and `hold_rate_bps` replace those of a scenario that holds clones back.
    `affinity` pins the senders to its first CPU and our own sink to its second. `link` names two network devices of
    this host, the sender's and the sink's, instead of a veth pair. `flush_variant` replaces the policy's own. Records
    of sends and events, before they become tables, take `record_limit_bytes`; later ones are counted.
    """

    scenario: str = "held-completions"
    policy: str = "qemu-merged"
    parameters: PolicyParameters = PolicyParameters()
    family: Family = "ipv4"
    protocol: Protocol = "tcp"
    channels: int = 1
    traffic: Traffic = Traffic()
    send_bytes: int | None = None
    send_count: int | None = None
    duration_s: float | None = None
    optmem_max_bytes: int | None = None
    hold_one_in_count: int | None = None
    hold_rate_bps: int | None = None
    flush_variant: FlushVariant | None = None
    wait_for: WaitFor = "error"
    socket: SocketOptions = SocketOptions()
    buffers: Buffers = "anonymous"
    deadline_s: float | None = None
    settle_s: float = 5.0
    meminfo_interval_ns: int = 1_000_000
    zerocopy: bool = True
    record: bool = True
    record_limit_bytes: int = DEFAULT_RECORD_LIMIT_BYTES
    probe_level: ProbeLevel = "timeline"
    mechanism: ProbeMechanism | None = None
    affinity: tuple[int, ...] | None = None
    to: str | None = None
    link: tuple[str, str] | None = None

    @property
    def limit_s(self) -> float:
        """Longest time until the outcome is known."""
        return (self.duration_s or 0.0) + (DEFAULT_DEADLINE_S if self.deadline_s is None else self.deadline_s)

    @property
    def total_bytes(self) -> float:
        """Roughly how much the run sends over all channels, as far as that is known beforehand: 0 for a run that is
        limited by time, and one and a half times the guest for a migration."""
        if self.traffic.model == "migration":
            return 1.5 * self.traffic.guest_bytes
        weight = sum(weight for _, weight in self.sizes)
        mean_bytes = sum(size * weight for size, weight in self.sizes) / weight
        return (self.send_count or 0) * mean_bytes * self.channels

    @property
    def is_tcp(self) -> bool:
        return self.protocol == "tcp" and self.family != "vsock"

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(payload bytes, weight) of the writes."""
        return self.traffic.sizes or [(self.send_bytes or 0, 1)]

    def validate(self) -> None:
        """UsageError for the first value that is out of range."""
        find_policy(self.policy)
        self.traffic.validate()
        self._validate_amount()
        self._validate_record_limit()
        self._validate_times()
        self._validate_sockets()
        self._validate_datagrams()
        self._validate_devices()

    def _validate_amount(self) -> None:
        if self.send_bytes is not None and not 1 <= self.send_bytes <= MAX_SEND_BYTES:
            raise UsageError(
                f"a send of {self.send_bytes} bytes is out of range",
                f"choose -l between 1 and {format_bytes(MAX_SEND_BYTES)}",
            )
        if self.send_count is not None and not 1 <= self.send_count <= MAX_SEND_COUNT:
            raise UsageError(
                f"a run of {self.send_count} sends is out of range", f"choose -n from 1 to {MAX_SEND_COUNT}"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise UsageError(f"{self.channels} channels are out of range", f"choose -P from 1 to {MAX_CHANNELS}")
        if self.traffic.model == "migration" and self.traffic.guest_bytes < self.channels * PAGE_BYTES:
            raise UsageError(
                f"a guest of {self.traffic.guest_bytes} bytes has no page for each of {self.channels} channels",
                f"choose --guest of {self.channels * PAGE_BYTES} or more, or fewer channels",
            )

    def _validate_record_limit(self) -> None:
        if not _MIN_RECORD_LIMIT_BYTES <= self.record_limit_bytes <= _MAX_RECORD_LIMIT_BYTES:
            raise UsageError(
                f"a record limit of {self.record_limit_bytes} bytes is out of range",
                f"choose --record-limit from {format_bytes(_MIN_RECORD_LIMIT_BYTES)} to {_MAX_RECORD_LIMIT_BYTES};"
                f" {format_bytes(DEFAULT_RECORD_LIMIT_BYTES)} without it",
            )

    def _validate_times(self) -> None:
        for name, value in (("-t", self.duration_s), ("--deadline", self.deadline_s), ("--settle", self.settle_s)):
            if value is not None and not _MIN_DURATION_S <= value <= _MAX_DURATION_S:
                raise UsageError(
                    f"{name} {value:g} is out of range",
                    f"give seconds, at least {_MIN_DURATION_S:g} and at most a day ({_MAX_DURATION_S:g})",
                )

    def _validate_sockets(self) -> None:
        optmem, sndbuf, pacing = self.optmem_max_bytes, self.socket.sndbuf_bytes, self.socket.pacing_bps
        if optmem is not None and not SKB_TRUESIZE_ZERO_BYTES <= optmem <= _LARGEST_INT:
            raise UsageError(
                f"an optmem_max of {optmem} bytes is out of range",
                f"choose from {SKB_TRUESIZE_ZERO_BYTES}, which the first notification needs, to {_LARGEST_INT}, the"
                f" kernel's largest; {DEFAULT_OPTMEM_BYTES} is its default",
            )
        if sndbuf is not None and not 1 <= sndbuf <= _LARGEST_INT // 2:
            raise UsageError(
                f"a send buffer of {sndbuf} bytes is out of range",
                f"choose -w from 1 to {_LARGEST_INT // 2}, of which the kernel makes twice as much",
            )
        if pacing is not None and not _MIN_PACING_BPS <= pacing <= _MAX_PACING_BPS:
            raise UsageError(
                f"a pace of {pacing} bit/s is out of range",
                f"choose -b from {_MIN_PACING_BPS}, a byte in a second, to {_MAX_PACING_BPS // 10**9}G;"
                " without -b there is no pace",
            )

    def _validate_datagrams(self) -> None:
        largest = max((size for size, _ in self.sizes), default=0)
        smallest = min((size for size, _ in self.sizes), default=0)
        if self.protocol != "udp" or not largest or self.family == "vsock":
            return
        if not FRAME_BYTES < smallest <= largest <= _MAX_DATAGRAM_BYTES[self.family]:
            raise UsageError(
                f"datagrams of {smallest} to {largest} bytes are out of range",
                f"choose -l from {FRAME_BYTES + 1} to {_MAX_DATAGRAM_BYTES[self.family]}, the largest of {self.family};"
                f" {DEFAULT_DATAGRAM_BYTES} is not fragmented",
            )

    def _validate_devices(self) -> None:
        if self.affinity is not None and not set(self.affinity) <= os.sched_getaffinity(0):
            raise UsageError(
                f"CPUs {' and '.join(map(str, self.affinity))} are not all here",
                f"choose from {', '.join(map(str, sorted(os.sched_getaffinity(0))))}",
            )
        if self.link is not None and (not all(self.link) or self.link[0] == self.link[1]):
            raise UsageError(
                f"expected two devices, got {','.join(self.link)!r}",
                "give the sender's and the sink's, as in --nics eth1,eth2",
            )
