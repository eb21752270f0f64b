"""What one run is asked to do. Everything that is None takes the scenario's own value."""

import os
from typing import Literal

import msgspec

from zcprobe.errors import UsageError
from zcprobe.policies import PolicyParameters, find_policy
from zcprobe.units import format_bytes
from zcprobe.workloads import MAX_SEND_BYTES, Traffic

__all__ = [
    "DEFAULT_DEADLINE_S",
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

MAX_SEND_COUNT = 10**12
"""Largest -n: a day holds no more."""

DEFAULT_DEADLINE_S = 30.0

_MAX_DURATION_S = 86400.0
_MAX_CHANNELS = 64
_MAX_DATAGRAM_BYTES = 65507
_FRAME_BYTES = 24


class SocketOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of each channel's socket. `sndbuf_bytes` as given to SO_SNDBUF, `pacing_bps` bits per second."""

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
    `affinity` pins senders and sink to one CPU each. `link` names two network devices of this host, the sender's and
    the sink's, instead of a veth pair. `flush_variant` replaces the policy's own.
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
    probe_level: ProbeLevel = "timeline"
    mechanism: ProbeMechanism | None = None
    affinity: tuple[int, int] | None = None
    to: str | None = None
    link: tuple[str, str] | None = None

    @property
    def limit_s(self) -> float:
        """Longest time until the outcome is known."""
        return (self.duration_s or 0.0) + (DEFAULT_DEADLINE_S if self.deadline_s is None else self.deadline_s)

    @property
    def total_bytes(self) -> float:
        """About what it sends over all channels, as far as that is known beforehand: none for a time, of a migration
        the guest and half of it again."""
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
        """UsageError on the first value that no run could have."""
        find_policy(self.policy)
        self.traffic.validate()
        self._validate_amount()
        self._validate_sockets()
        self._validate_link()
        if self.optmem_max_bytes is not None and not 576 <= self.optmem_max_bytes < 2**31:
            raise UsageError(
                f"optmem_max of {self.optmem_max_bytes} bytes is out of range",
                "the kernel needs 576 bytes for the first notification; 131072 is its default",
            )

    def _validate_link(self) -> None:
        if self.link is None:
            return
        if self.to is not None:
            raise UsageError("--link is for a sink of our own", "leave out --link, or --to")
        if not all(self.link) or self.link[0] == self.link[1]:
            raise UsageError(
                f"{','.join(self.link)!r} is no pair of devices",
                "give the sender's and the sink's, as in --link eth1,eth2",
            )

    def _validate_amount(self) -> None:
        if self.send_bytes is not None and not 1 <= self.send_bytes <= MAX_SEND_BYTES:
            raise UsageError(
                f"a send of {self.send_bytes} bytes is out of range",
                f"choose -l between 1 and {format_bytes(MAX_SEND_BYTES)}",
            )
        if self.send_count is not None and not 1 <= self.send_count <= MAX_SEND_COUNT:
            raise UsageError(f"{self.send_count} sends are no run", f"choose -n from 1 to {MAX_SEND_COUNT}")
        if not 1 <= self.channels <= _MAX_CHANNELS:
            raise UsageError(f"{self.channels} channels are out of range", f"choose -P from 1 to {_MAX_CHANNELS}")
        for name, value in (("-t", self.duration_s), ("--deadline", self.deadline_s), ("--settle", self.settle_s)):
            if value is not None and not 0 < value <= _MAX_DURATION_S:
                raise UsageError(f"{name} {value:g} is out of range", "give seconds, more than 0 and at most a day")

    def _validate_sockets(self) -> None:
        if self.affinity is not None and not set(self.affinity) <= os.sched_getaffinity(0):
            raise UsageError(
                f"CPUs {self.affinity[0]} and {self.affinity[1]} are not both here",
                f"choose from {', '.join(map(str, sorted(os.sched_getaffinity(0))))}",
            )
        if self.protocol == "udp" and self.traffic.model not in ("stream", "mixed"):
            raise UsageError(f"{self.traffic.model} traffic needs a stream", "leave out --udp")
        if self.protocol == "udp" and self.family == "vsock":
            raise UsageError("vsock has no datagrams with MSG_ZEROCOPY", "leave out --udp")
        if (self.family == "vsock") != (self.to or "").startswith("vsock:"):
            raise UsageError("--vsock and --to vsock:CID go together", "give both, or neither")
        largest = max((size for size, _ in self.sizes), default=0)
        smallest = min((size for size, _ in self.sizes), default=0)
        if self.protocol == "udp" and largest and not _FRAME_BYTES < smallest <= largest <= _MAX_DATAGRAM_BYTES:
            raise UsageError(
                f"datagrams of {smallest} to {largest} bytes are out of range",
                f"choose -l between {_FRAME_BYTES + 1} and {_MAX_DATAGRAM_BYTES}; 1400 is not fragmented",
            )
