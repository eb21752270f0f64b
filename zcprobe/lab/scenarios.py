"""Named scenarios, and the lab that a run of one needs."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from zcprobe.config import Family
from zcprobe.errors import HostError, UsageError
from zcprobe.lab.device import has_scatter_gather
from zcprobe.lab.impairment import (
    DelayImpairment,
    HoldImpairment,
    ReorderImpairment,
    TokenBucket,
    delayed_acks,
    held_clones,
    reordered_packets,
)
from zcprobe.lab.journal import Journal, journal
from zcprobe.lab.limits import changed_optmem_max
from zcprobe.lab.namespace import run_in_namespace
from zcprobe.lab.netns import Namespace, namespace_pair
from zcprobe.sink import DEFAULT_PORT, Reading

__all__ = ["SCENARIOS", "Lab", "Scenario", "describe_impairment", "find_scenario", "open_lab", "with_hold"]

_KERNEL_DEFAULT_OPTMEM_BYTES = 131072
"""net.core.optmem_max since 6.8; explicit where a scenario's outcome depends on it."""

_OLD_DEFAULT_OPTMEM_BYTES = 20480
"""The default until 6.7."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What one run goes through. `optmem_max_bytes` None is the kernel's own limit, `memlock_bytes` None no limit;
    with one, the sender gives up CAP_IPC_LOCK, which would exempt it."""

    name: str
    description: str
    send_bytes: int = 64 * 1024
    send_count: int
    optmem_max_bytes: int | None = None
    hold: HoldImpairment | None = None
    delay: DelayImpairment | None = None
    reorder: ReorderImpairment | None = None
    memlock_bytes: int | None = None
    reading: Reading = Reading()
    sndbuf_bytes: int | None = None


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="in-order",
            description="nothing impaired: completions merge into a notification or two (control)",
            send_count=20_000,
        ),
        # The old default has room for two dozen notifications, and a send buffer of 64 MiB for a hundred packets of 512
        # KiB, QEMU's size. Sends of more than 256 KiB never share a notification, so whoever outruns the path meets the
        # limit, whatever window or pace holds the data back. (Sends of 64 KiB met it only where the send buffer was the
        # bottleneck; in 2 of 60 runs something else was, unsent sends shared notifications, and none failed.)
        # 1056 kbit/s is 2000 bare IPv4 acknowledgements a second, 2640 bytes are forty of them: up to 20 ms late.
        Scenario(
            name="in-flight",
            description="late acknowledgements and little optmem: charges are held by sends not yet acknowledged",
            send_bytes=512 * 1024,
            send_count=1_000,
            optmem_max_bytes=_OLD_DEFAULT_OPTMEM_BYTES,
            sndbuf_bytes=64 * 1024 * 1024,
            delay=DelayImpairment(bucket=TokenBucket(rate_bps=1_056_000, burst_bytes=2_000, limit_bytes=2_640)),
        ),
        # Few and short enough holds that most completions arrive, but out of order: each hole costs a queue entry.
        # Measured, never reading: ENOBUFS after 600 to 7100 sends, 65 to 100 % of the charges unread. Reading without
        # waiting survives a dozen times or more, until the held sends alone fill optmem; on busy cores, where the
        # sender is slower, it may survive the whole run.
        Scenario(
            name="held-completions",
            description="1 in 16 packets has a clone held back: completions out of order, notifications cannot merge",
            send_count=20_000,
            optmem_max_bytes=_KERNEL_DEFAULT_OPTMEM_BYTES,
            hold=HoldImpairment(
                one_in_count=16,
                bucket=TokenBucket(rate_bps=600_000_000, burst_bytes=256 * 1024, limit_bytes=20_000_000),
            ),
        ),
        # Every clone is held in one queue that never overflows, so completions stay in order and merge, but late: the
        # bucket's rate is all the goodput that optmem allows. 128 MB hold 157 notifications of nearly any extension.
        # Measured: ENOBUFS after 160 to 920 sends with one or two charges unread, 157 in all.
        Scenario(
            name="held-in-flight",
            description="every packet has a clone held back: charges are held by sends acknowledged, not completed",
            send_count=2_000,
            optmem_max_bytes=_KERNEL_DEFAULT_OPTMEM_BYTES,
            hold=HoldImpairment(
                one_in_count=1,
                bucket=TokenBucket(rate_bps=400_000_000, burst_bytes=256 * 1024, limit_bytes=128_000_000),
            ),
        ),
        # A send of more than 256 KiB never shares a notification, and a send buffer of 64 MiB has room for more of them
        # than 24: so it is optmem that runs out while the peer is slow, as with QEMU's packets of 512 KiB.
        Scenario(
            name="slow-reader",
            description="the sink takes 400 Mbit/s: sends wait for acknowledgements, and hold optmem meanwhile",
            send_bytes=512 * 1024,
            send_count=200,
            optmem_max_bytes=_OLD_DEFAULT_OPTMEM_BYTES,
            reading=Reading(read_bps=400_000_000),
            sndbuf_bytes=64 * 1024 * 1024,
        ),
        Scenario(
            name="stalled-reader",
            description="the sink stops reading for 5 seconds: whoever waits for everything waits as long",
            send_bytes=512 * 1024,
            send_count=2_000,
            optmem_max_bytes=_OLD_DEFAULT_OPTMEM_BYTES,
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
        # Data that arrived early is acknowledged, and so completed, only with all before it. 4 MiB, the default limit
        # of a send buffer, are 64 sends: they fit into optmem even if none shares a notification.
        Scenario(
            name="reordered-link",
            description="packets take 9 to 11 ms: data arrives out of order, completions come in order (control)",
            send_count=5_000,
            optmem_max_bytes=_KERNEL_DEFAULT_OPTMEM_BYTES,
            reorder=ReorderImpairment(delay_ns=10_000_000, jitter_ns=1_000_000, limit_count=100_000),
        ),
    )
}


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """An open lab. `impairment` has every parameter in effect, units in its keys, for the run's metadata.

    `scatter_gather` is NETIF_F_SG of the sender's device: without it the kernel copies the data of each send.
    """

    scenario: str
    sender_netns_path: str | None
    sink_netns_path: str | None
    sender_netns_inode: int
    sender_address: str
    sink_address: str
    sink_port: int
    optmem_max_bytes: int
    impairment: dict[str, int | str | None]
    sender_device: str | None = None
    scatter_gather: bool | None = None


def find_scenario(name: str) -> Scenario:
    """The scenario of that name; UsageError names the known ones."""
    try:
        return SCENARIOS[name]
    except KeyError:
        raise UsageError(f"unknown scenario {name!r}", f"known scenarios: {', '.join(SCENARIOS)}") from None


def with_hold(scenario: Scenario, one_in_count: int | None, rate_bps: int | None) -> Scenario:
    """The scenario with another share held back, or another rate; UsageError when it holds nothing back."""
    if one_in_count is None and rate_bps is None:
        return scenario
    if scenario.hold is None:
        raise UsageError(f"{scenario.name} holds nothing back", "leave out --hold-share and --hold-rate")
    bucket = scenario.hold.bucket
    if rate_bps is not None:
        bucket = msgspec.structs.replace(bucket, rate_bps=rate_bps)
    share = scenario.hold.one_in_count if one_in_count is None else one_in_count
    return msgspec.structs.replace(
        scenario, hold=msgspec.structs.replace(scenario.hold, one_in_count=share, bucket=bucket)
    )


def describe_impairment(scenario: Scenario) -> dict[str, int | str | None]:
    """The impairment as one flat table: `hold_`, `delay_` and `reorder_` parameters and the memlock limit, as far as
    there are."""
    described: dict[str, int | str | None] = {"memlock_bytes": scenario.memlock_bytes}
    for prefix in ("hold", "delay", "reorder"):
        impairment = getattr(scenario, prefix)
        if impairment is not None:
            parameters = msgspec.to_builtins(impairment)
            parameters |= parameters.pop("bucket", {})
            described |= {f"{prefix}_{name}": value for name, value in parameters.items()}
    return described


def _read_congestion_control() -> str:
    with open("/proc/sys/net/ipv4/tcp_congestion_control") as file:
        return file.read().strip()


def _require_family(sender: Namespace, family: Family) -> None:
    if family == "ipv6" and not run_in_namespace(sender.name, lambda: os.path.isdir("/proc/sys/net/ipv6")):
        raise HostError("this host has no IPv6", "leave out -6, or boot without ipv6.disable=1")


@contextmanager
def open_lab(
    scenario: Scenario,
    *,
    run_id: str,
    family: Family,
    optmem_max_bytes: int | None = None,
    run_journal: Journal | None = None,
    link: tuple[str, str] | None = None,
) -> Iterator[Lab]:
    """Everything `scenario` needs, undone on leaving: namespaces, their link, impairments, limits.

    `optmem_max_bytes` replaces the scenario's own, and `link`, two devices of this host, the veth pair. Journalled in
    `run_journal`, or in one opened for the lab alone. HostError when not root or when the kernel lacks a mechanism; the
    memlock limit is for the sender to set.
    """
    if os.geteuid() != 0:
        raise HostError("a lab of network namespaces needs root", "run with sudo")
    wanted_optmem = scenario.optmem_max_bytes if optmem_max_bytes is None else optmem_max_bytes
    with ExitStack() as stack:
        record = stack.enter_context(journal(run_id)) if run_journal is None else run_journal
        pair = stack.enter_context(namespace_pair(record, link))
        _require_family(pair.sender, family)
        optmem_in_force = stack.enter_context(changed_optmem_max(pair.sender.name, wanted_optmem, record))
        if scenario.hold is not None:
            stack.enter_context(held_clones(pair.sender, scenario.hold, family))
        if scenario.delay is not None:
            stack.enter_context(delayed_acks(pair, scenario.delay))
        if scenario.reorder is not None:
            stack.enter_context(reordered_packets(pair.sender, scenario.reorder))
        congestion_control = run_in_namespace(pair.sender.name, _read_congestion_control)
        scatter_gather = run_in_namespace(pair.sender.name, lambda: has_scatter_gather(pair.sender.device))
        yield Lab(
            scenario=scenario.name,
            sender_netns_path=pair.sender.path,
            sink_netns_path=pair.sink.path,
            sender_netns_inode=pair.sender.inode,
            sender_address=getattr(pair.sender, family),
            sink_address=getattr(pair.sink, family),
            sink_port=DEFAULT_PORT,
            optmem_max_bytes=optmem_in_force,
            impairment=describe_impairment(scenario) | {"congestion_control": congestion_control},
            sender_device=pair.sender.device,
            scatter_gather=scatter_gather,
        )
