"""The policies: what a sender does when sendmsg(MSG_ZEROCOPY) returns ENOBUFS."""

import msgspec

from zcprobe.errors import UsageError

__all__ = ["POLICIES", "Policy", "find_policy"]


class Policy(msgspec.Struct, frozen=True):
    """`name` as on the command line; `flush_variant` is what flush() returned in that sender's days."""

    name: str
    flush_variant: str
    on_enobufs: str
    stands_for: str


POLICIES: dict[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy("qemu-pre", "all-copied", "the send fails for good", "QEMU before 10.2"),
        Policy(
            "qemu-shipped",
            "sticky",
            "read notifications until EAGAIN without waiting, retry once",
            "QEMU 10.2 to 11.1 multifd as released",
        ),
        Policy(
            "qemu-merged",
            "sticky",
            "wait for every outstanding notification, retry once",
            "the partial-flush series as intended",
        ),
    )
}


def find_policy(name: str) -> Policy:
    """The policy of that name; UsageError names the known ones."""
    try:
        return POLICIES[name]
    except KeyError:
        raise UsageError(f"unknown policy {name!r}", f"known policies: {', '.join(POLICIES)}") from None
