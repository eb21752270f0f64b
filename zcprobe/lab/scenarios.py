# SPDX-License-Identifier: GPL-2.0-only
"""Named scenarios: what happens to the path, and how much of it."""

from typing import Any, TypeVar

import msgspec

from zcprobe.errors import UsageError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES, OLD_DEFAULT_OPTMEM_BYTES
from zcprobe.lab.impairments.delay import DelayImpairment
from zcprobe.lab.impairments.hold import HoldImpairment
from zcprobe.lab.impairments.path import Impairment
from zcprobe.lab.impairments.qdisc import TokenBucket
from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.wire import Reading

__all__ = ["SCENARIOS", "Scenario", "Shares", "find_scenario", "with_hold"]


Impairing = TypeVar("Impairing")

_KINDS: tuple[type[Impairment], ...] = (HoldImpairment, DelayImpairment, ReorderImpairment)


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """Rates that depend on the speed of this machine, as shares of the goodput of the unimpaired path, which is
    measured before each run (`zcprobe.lab.calibration`). None: the scenario has no such rate, or it was given for the
    run.

    `hold`: the share of the arrival rate of clones at which their queue releases them. `acks`: the share of the
    acknowledgements of the unimpaired path (one per 64 KiB) that the path back carries. `read`: the share of the
    goodput at which the sink reads.
    """

    hold: float | None = None
    acks: float | None = None
    read: float | None = None


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario. `optmem_max_bytes` None means the kernel's own limit, `memlock_bytes` None no limit; with a memlock
    limit the sender gives up CAP_IPC_LOCK, which would exempt it.

    Where `shares` has a rate, the one in `impairments` or `reading` is for a path of 20 Gbit/s until calibration
    replaces it. `is_control`: no send should be refused, whatever its size; if a chosen limit or traffic allows
    refusals, the run says so.
    """

    name: str
    description: str
    send_bytes: int = 64 * 1024
    send_count: int
    optmem_max_bytes: int | None = None
    impairments: tuple[Impairment, ...] = ()
    memlock_bytes: int | None = None
    reading: Reading = Reading()
    sndbuf_bytes: int | None = None
    shares: Shares = Shares()
    is_control: bool = False

    @property
    def is_calibrated(self) -> bool:
        """Whether one of its rates is computed from the goodput of the unimpaired path."""
        return self.shares != Shares()

    def find(self, kind: type[Impairing]) -> Impairing | None:
        """Its impairment of that kind; None if it has none."""
        return next((impairment for impairment in self.impairments if isinstance(impairment, kind)), None)

    def with_impairment(self, changed: Impairment) -> "Scenario":
        """The scenario with `changed` instead of its impairment of that kind."""
        impairments = tuple(changed if type(one) is type(changed) else one for one in self.impairments)
        return msgspec.structs.replace(self, impairments=impairments)

    def members(self) -> dict[str, Any]:
        """Plain values, as in run.json and `zcprobe scenarios -J`: each kind of impairment is a member named by its
        prefix, and None if the scenario does not have it."""
        members: dict[str, Any] = {}
        for name, value in msgspec.structs.asdict(self).items():
            members |= {kind.prefix: self.find(kind) for kind in _KINDS} if name == "impairments" else {name: value}
        return dict(msgspec.to_builtins(members))


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="in-order",
            description="nothing impaired: completions come in order and merge (control)",
            send_count=20_000,
            is_control=True,
        ),
        # The old default has room for two dozen notifications, and a send buffer of 64 MiB for a hundred packets of 512
        # KiB, QEMU's size. Sends of more than 256 KiB never share a notification, so any sender that is faster than the
        # path meets the limit, whatever window or pace holds the data back. (Sends of 64 KiB met it only where the send
        # buffer was the bottleneck. In 2 of 60 runs something else was; then unsent sends shared notifications, and
        # none failed.) The queue is long enough for the acknowledgements of a whole send buffer, so that none is
        # dropped.
        Scenario(
            name="in-flight",
            description="late acknowledgements and little optmem: charges are held by sends not yet acknowledged",
            send_bytes=512 * 1024,
            send_count=600,
            optmem_max_bytes=OLD_DEFAULT_OPTMEM_BYTES,
            sndbuf_bytes=64 * 1024 * 1024,
            impairments=(
                DelayImpairment(bucket=TokenBucket(rate_bps=4_000_000, burst_bytes=2_000, limit_bytes=256 * 1024)),
            ),
            shares=Shares(acks=0.2),
        ),
        # Holds are few and short, so most completions arrive, but out of order: each hole costs a queue entry. The
        # queue releases three clones while ten come in. So it grows by seven tenths of them until the sends that it
        # holds fill optmem on their own, after 16 x notifications / 0.7 sends, on fast and slow machines alike.
        # Measured in 20 runs of each policy when idle, with both CPUs loaded, on one CPU, and in an emulated guest: a
        # sender that never reads met ENOBUFS after 775 to 1406 sends; one that reads without waiting died after 1710 to
        # 3472.
        Scenario(
            name="held-completions",
            description="1 in 16 packets has a clone held back: completions out of order, notifications cannot merge",
            send_count=8_000,
            optmem_max_bytes=DEFAULT_OPTMEM_BYTES,
            impairments=(
                HoldImpairment(
                    one_in_count=16,
                    bucket=TokenBucket(rate_bps=375_000_000, burst_bytes=256 * 1024, limit_bytes=20_000_000),
                ),
            ),
            shares=Shares(hold=0.3),
        ),
        # Every clone is held in one queue that never overflows, so completions stay in order and merge, but late:
        # optmem allows no more goodput than the bucket's rate. 128 MB hold 157 notifications that cover almost any
        # number of sends. Measured: ENOBUFS after 160 to 920 sends with one or two charges unread, 157 in all.
        Scenario(
            name="held-in-flight",
            description="every packet has a clone held back: charges are held by sends acknowledged, not completed",
            send_count=2_000,
            optmem_max_bytes=DEFAULT_OPTMEM_BYTES,
            impairments=(
                HoldImpairment(
                    one_in_count=1,
                    bucket=TokenBucket(rate_bps=2_000_000_000, burst_bytes=256 * 1024, limit_bytes=128_000_000),
                ),
            ),
            shares=Shares(hold=0.1),
        ),
        # A send of more than 256 KiB never shares a notification, and a send buffer of 64 MiB has room for more than 24
        # of them. So optmem runs out while the peer is slow, as with QEMU's packets of 512 KiB.
        Scenario(
            name="slow-reader",
            description="the sink reads at a tenth of the path's goodput: sends hold optmem while they wait for it",
            send_bytes=512 * 1024,
            send_count=200,
            optmem_max_bytes=OLD_DEFAULT_OPTMEM_BYTES,
            reading=Reading(read_bps=2_000_000_000),
            sndbuf_bytes=64 * 1024 * 1024,
            shares=Shares(read=0.1),
        ),
        Scenario(
            name="stalled-reader",
            description="the sink stops reading for 5 seconds: whoever waits for everything waits as long",
            send_bytes=512 * 1024,
            send_count=2_000,
            optmem_max_bytes=OLD_DEFAULT_OPTMEM_BYTES,
            reading=Reading(stall_after_bytes=16 * 1024 * 1024, stall_s=5.0),
            sndbuf_bytes=64 * 1024 * 1024,
        ),
        # A send of 64 KiB counts as 18 pages against the limit, so the fourth outstanding one is refused.
        Scenario(
            name="memlock",
            description="a memlock limit of 256 KiB and no CAP_IPC_LOCK: ENOBUFS that is not about optmem",
            send_count=20_000,
            memlock_bytes=256 * 1024,
        ),
        # Data that arrives early is acknowledged, and so completed, only together with all data before it. The default
        # limit of a send buffer, 4 MiB, has room for 64 sends; they fit into optmem even if none shares a notification.
        Scenario(
            name="reordered-link",
            description="packets take 9 to 11 ms: data arrives out of order, completions come in order (control)",
            send_count=5_000,
            impairments=(ReorderImpairment(delay_ns=10_000_000, jitter_ns=1_000_000, limit_count=100_000),),
            is_control=True,
        ),
    )
}


def find_scenario(name: str) -> Scenario:
    """The scenario of that name; UsageError names the known ones."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UsageError(f"unknown scenario {name!r}", f"known scenarios: {', '.join(SCENARIOS)}") from None


def with_hold(scenario: Scenario, one_in_count: int | None, rate_bps: int | None) -> Scenario:
    """The scenario with another share or rate of held clones; UsageError if it holds nothing back."""
    if one_in_count is None and rate_bps is None:
        return scenario
    hold = scenario.find(HoldImpairment)
    if hold is None:
        raise UsageError(f"{scenario.name} holds nothing back", "leave out --hold-share and --hold-rate")
    bucket, shares = hold.bucket, scenario.shares
    if rate_bps is not None:
        bucket = msgspec.structs.replace(bucket, rate_bps=rate_bps)
        shares = msgspec.structs.replace(shares, hold=None)
    count = hold.one_in_count if one_in_count is None else one_in_count
    changed = msgspec.structs.replace(hold, one_in_count=count, bucket=bucket)
    return msgspec.structs.replace(scenario.with_impairment(changed), shares=shares)
