# SPDX-License-Identifier: GPL-2.0-only
"""Whether what attach said of a migration is what strace counted and what the version does wrong."""

from tests.senders.hypervisor import Observed
from tests.senders.versions import find_version

__all__ = ["enobufs_by_attach", "enobufs_by_strace", "first_finding_is_right"]

_OF_POLICY = {"qemu-pre": "unread-out-of-order", "qemu-shipped": "flush-did-not-wait"}
"""What a version does wrong that dies of ENOBUFS, by the policy that stands for it."""
_HASTY = "flush-did-not-wait"


def enobufs_by_attach(observed: Observed) -> dict[str, int]:
    """Name of a thread -> its refused calls."""
    return {thread.comm: thread.enobufs for thread in observed.attachment.threads if thread.enobufs}


def enobufs_by_strace(observed: Observed) -> dict[str, int]:
    return {name: counts.enobufs for name, counts in observed.threads.items() if counts.enobufs}


def first_finding_is_right(observed: Observed) -> bool:
    """A migration that died has first what its version does wrong. Flushes that did not wait are found where strace saw
    some, and only there."""
    findings = [finding.id for finding in observed.attachment.findings]
    unwaited = sum(counts.unwaited_flushes for counts in observed.threads.values())
    if (_HASTY in findings) != (unwaited > 0):
        return False
    return observed.survived or findings[0] == _OF_POLICY[find_version(observed.version).policy]
