# SPDX-License-Identifier: GPL-2.0-only
"""What attach finds wrong with a migration that fails. strace is not there: it puts threads to sleep at each call, and
attach takes a thread that sleeps while it flushes for one that waits."""

import pytest

from tests.senders.hypervisor import hypervisor
from tests.senders.versions import find_version

_DOWNTIME_MS = 100
_ATTEMPTS = 4
"""On a busy machine the hold may put too little pressure on a slow sender to make it fail."""


@pytest.mark.parametrize(
    ("version", "optmem_bytes", "expected"),
    [("10.0", 20480, "unread-out-of-order"), ("11.1", 20480, "flush-did-not-wait")],
)
def test_the_first_finding_is_what_the_version_does_wrong(version: str, optmem_bytes: int, expected: str) -> None:
    with hypervisor(find_version(version)) as source:
        for _ in range(_ATTEMPTS):
            seen = source.migrate(optmem_bytes, _DOWNTIME_MS, with_strace=False)
            if not seen.survived:
                break
    assert not seen.survived
    findings = [finding.id for finding in seen.attachment.findings]
    assert findings[0] == expected
    assert ("flush-did-not-wait" in findings) == (expected == "flush-did-not-wait")
    # it may have ended before attach looked at its sockets, which then only the probes know
    assert sum(socket.enobufs or 0 for socket in seen.attachment.sockets) >= 1
