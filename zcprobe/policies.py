# SPDX-License-Identifier: GPL-2.0-only
"""The policies: what a sender does when sendmsg(MSG_ZEROCOPY) returns ENOBUFS, or to avoid it."""

import msgspec

from zcprobe.errors import UsageError
from zcprobe.units import parse_whole

__all__ = ["POLICIES", "Policy", "PolicyParameters", "find_policy", "parse_parameters"]


class PolicyParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of all policies; each reads some (`Policy.reads`). Defaults are those of the imitated senders.

    `resume_percent` and `watermark_percent` are shares of optmem_max. Flags are 0 or 1.
    """

    drain_every: int = 32
    threshold_bytes: int = 16384
    max_in_flight: int = 4
    reenable_after: int = 0
    resume_percent: int = 50
    watermark_percent: int = 75
    wait_ms: int = 1000
    copy_above: int = 1
    flush_once: int = 1
    off_on_copied: int = 0


_LIMITS: dict[str, tuple[int, int]] = {
    "drain_every": (1, 2**31),
    "threshold_bytes": (0, 2**31),
    "max_in_flight": (1, 2**31),
    "reenable_after": (0, 2**31),
    "resume_percent": (1, 99),
    "watermark_percent": (1, 99),
    "wait_ms": (1, 3_600_000),
    "copy_above": (0, 1),
    "flush_once": (0, 1),
    "off_on_copied": (0, 1),
}


class Policy(msgspec.Struct, frozen=True):
    """`name` is the name on the command line. `flush_variant` says what flush() returned in that sender's version.
    `reads` names the parameters that the policy reads."""

    name: str
    flush_variant: str
    on_enobufs: str
    otherwise: str
    stands_for: str
    reads: tuple[str, ...] = ()
    defaults: PolicyParameters = PolicyParameters()


_ONCE = "retry once; a second ENOBUFS is fatal"

POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy("qemu-pre", "all-copied", "the send fails for good", "-", "QEMU before 10.2"),
        Policy("qemu-v1", "sticky", f"flush, waiting for everything whatever the mode; {_ONCE}", "-", "series v1"),
        Policy("qemu-v2", "sticky", f"drain without waiting; {_ONCE}", "-", "series v2 to v4"),
        Policy(
            "qemu-v5",
            "sticky",
            f"as qemu-merged if the write carries FLUSH_ONCE, else the send fails; {_ONCE}",
            "-",
            "series v5",
            ("flush_once",),
        ),
        Policy(
            "qemu-merged",
            "sticky",
            f"flush, waiting for everything on a blocking socket; {_ONCE}",
            "-",
            "the partial-flush series as intended (v6, v7)",
        ),
        Policy(
            "qemu-shipped",
            "sticky",
            f"as qemu-merged with `blocking` false on a blocking descriptor: drain; {_ONCE}",
            "-",
            "QEMU 10.2 to 11.1 multifd as released",
        ),
        Policy(
            "qemu-lru-half",
            "all-copied",
            "flush, waiting until at most half of the outstanding sends are left; retry; if none was, the send fails",
            "-",
            "the RFC of 2022 with a flush of the older half, never merged",
        ),
        Policy(
            "grpc",
            "any-copied",
            "wait for a completion and retry; if nothing is outstanding, blame memlock and possibly wait for ever",
            "copy small writes, and all writes while `max_in_flight` are outstanding",
            "gRPC posix endpoint",
            ("threshold_bytes", "max_in_flight"),
        ),
        Policy(
            "folly",
            "any-copied",
            "copy this write and switch zerocopy off",
            "switch zerocopy on again after `reenable_after` copied writes (0: never)",
            "folly AsyncSocket",
            ("reenable_after",),
        ),
        Policy(
            "ydb",
            "any-copied",
            "copy until everything outstanding is completed; if nothing is outstanding, switch zerocopy off for good",
            "copy small writes; switch zerocopy off at a COPIED completion",
            "YDB interconnect",
            ("threshold_bytes", "off_on_copied"),
            PolicyParameters(off_on_copied=1),
        ),
        Policy(
            "eagain",
            "any-copied",
            "treat it as a full socket: poll, drain on POLLERR, retry",
            "-",
            "SPDK posix socket",
        ),
        Policy(
            "copy-off",
            "any-copied",
            "copy this write and switch zerocopy off for the socket",
            "with `off_on_copied`, also switch it off at the first COPIED completion",
            "kestrel transport; libfabric with off_on_copied",
            ("off_on_copied",),
        ),
        Policy("log-retry", "any-copied", "log and retry without reading", "-", "neper: what not to do"),
        Policy("kill", "any-copied", "close the connection", "-", "kperf, the kernel's selftest"),
        Policy(
            "wait-each",
            "any-copied",
            "the send fails for good",
            "before each send, wait for the notification of the one before",
            "the first example of the kernel's documentation",
        ),
        Policy(
            "drain-every",
            "sticky",
            "as qemu-merged",
            "drain every `drain_every` sends",
            "the kernel's selftest and documentation",
            ("drain_every",),
        ),
        Policy(
            "wait-progress",
            "any-copied",
            "drain, wait until `resume_percent` of optmem is free, retry; copy this send when waiting cannot help",
            "-",
            "zcprobe",
            ("resume_percent", "wait_ms"),
        ),
        Policy(
            "watermark",
            "any-copied",
            "as wait-progress",
            "above `watermark_percent` of optmem: drain, then copy this send or wait, before a send fails",
            "zcprobe",
            ("watermark_percent", "resume_percent", "wait_ms", "copy_above"),
        ),
    )
}


def find_policy(name: str) -> Policy:
    """The policy of that name; UsageError names the known ones."""
    try:
        return POLICIES[name]
    except KeyError:
        raise UsageError(f"unknown policy {name!r}", f"known policies: {', '.join(POLICIES)}") from None


def _parse_parameter(policy: Policy, text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in policy.reads:
        known = ", ".join(policy.reads) or "none"
        raise UsageError(f"policy {policy.name} has no parameter {name!r}", f"its parameters: {known}")
    low, high = _LIMITS[name]
    return name, parse_whole(f"--set {name}", value, low, high)


def parse_parameters(policy: Policy, texts: list[str]) -> PolicyParameters:
    """The policy's defaults, changed by `name=value` texts. UsageError for a parameter that it does not read."""
    return msgspec.structs.replace(policy.defaults, **dict(_parse_parameter(policy, text) for text in texts))
