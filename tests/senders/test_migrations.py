# SPDX-License-Identifier: GPL-2.0-only
"""Real migrations end as documented, and the independent count says why."""

from tests.senders.calls import LARGEST_SEND_BYTES
from tests.senders.cells import REFUSED, Cell
from tests.senders.guest import READY
from tests.senders.hypervisor import Observed
from tests.senders.migration import CHANNELS
from tests.senders.verdicts import enobufs_by_attach, enobufs_by_strace, first_finding_is_right

_CHARGE_BYTES = 1024
"""No notification takes more on any kernel; sock_omalloc refuses only once the limit is reached."""


def test_the_migration_ends_as_documented(cell: Cell, observed: Observed) -> None:
    if cell.survives is not None:
        assert observed.survived == cell.survives
        assert observed.enobufs  # without one, its end says nothing about what this version does
    if observed.survived:
        assert observed.migration.error is None
    else:
        assert observed.migration.status == "failed"
        assert observed.migration.error is not None
        assert REFUSED in observed.migration.error


def test_two_threads_send_packets_of_128_pages_after_plain_headers(cell: Cell, observed: Observed) -> None:
    assert set(observed.threads) == {f"{cell.version.threads}{number}" for number in range(CHANNELS)}
    sends = sum(counts.sends for counts in observed.threads.values())
    largest = sum(counts.largest_sends for counts in observed.threads.values())
    assert sends > 20
    assert largest > sends / 2  # a packet may be the last of its round, and zero pages are left out of the first ones
    assert all(counts.plain_sends >= counts.sends for counts in observed.threads.values())


def test_a_version_without_the_fix_survives_no_refusal(cell: Cell, observed: Observed) -> None:
    if cell.version.policy == "qemu-pre":
        assert (observed.enobufs > 0) == (not observed.survived)
        assert all(counts.enobufs <= 1 for counts in observed.threads.values())
        assert all(counts.notifications_read == 0 for counts in observed.threads.values())
    else:
        assert observed.enobufs >= 1 or observed.survived
        assert all(counts.notifications_read > 0 for counts in observed.threads.values() if counts.enobufs)


def test_a_flush_that_did_not_wait_is_what_kills_the_version_with_the_fix(cell: Cell, observed: Observed) -> None:
    unwaited = sum(counts.unwaited_flushes for counts in observed.threads.values())
    assert (unwaited > 0) == (cell.version.policy == "qemu-shipped" and not observed.survived)


def test_no_socket_passes_its_limit_by_more_than_one_charge(cell: Cell, observed: Observed) -> None:
    assert observed.optmem_peak_bytes <= cell.optmem_bytes + _CHARGE_BYTES


def test_the_guest_runs_at_its_destination_and_finds_its_pages_as_it_wrote_them(cell: Cell, observed: Observed) -> None:
    lines = observed.guest_at_destination
    assert not any("not as it was written" in line for line in lines)
    assert READY not in lines
    if cell.version.guest_arrives:
        assert any(line.startswith("guest: wrote to") for line in lines) == observed.survived


def test_attach_finds_the_channels_and_the_limit_in_force_there(cell: Cell, observed: Observed) -> None:
    channels = observed.channels
    assert len(channels) == CHANNELS
    for channel in channels:
        assert (channel.protocol, channel.device_kind, channel.scatter_gather) == ("tcp", "veth", True)
        assert channel.optmem_max_bytes == cell.optmem_bytes
        assert 0 < channel.optmem_peak_bytes <= cell.optmem_bytes + channel.charge_bytes
        assert channel.bytes_sent > channel.sends
    others = [socket for socket in observed.attachment.sockets if socket.protocol == "unix"]
    assert others
    assert not any(socket.zerocopy_enabled for socket in others)


def test_attach_counts_the_enobufs_of_each_thread_as_strace_does(observed: Observed) -> None:
    assert enobufs_by_attach(observed) == enobufs_by_strace(observed)
    causes = [channel.enobufs_causes for channel in observed.channels if channel.enobufs]
    assert all(set(found) == {"optmem"} for found in causes)
    assert sum(found["optmem"] for found in causes) == observed.enobufs


def test_attach_sees_no_lower_peak_than_ss(observed: Observed) -> None:
    assert max(channel.optmem_peak_bytes for channel in observed.channels) >= observed.optmem_peak_bytes


def test_attach_counts_the_sends_of_each_thread_as_strace_does(observed: Observed) -> None:
    by_attach = {thread.comm: thread.sends for thread in observed.attachment.threads if thread.sends}
    assert by_attach == {name: counts.sends for name, counts in observed.threads.items() if counts.sends}


def test_attach_tells_pages_from_plain_headers(observed: Observed) -> None:
    channels, counted = observed.channels, observed.threads.values()
    assert sum(channel.plain_sends for channel in channels) == sum(counts.plain_sends for counts in counted)
    assert sum(channel.bytes_sent for channel in channels) == sum(counts.bytes_sent for counts in counted)
    assert {channel.send_bytes_median for channel in observed.channels} == {LARGEST_SEND_BYTES}


def test_attach_finds_what_the_version_does_wrong(observed: Observed) -> None:
    assert first_finding_is_right(observed), [finding.id for finding in observed.attachment.findings]
    # of a socket that was closed before attach looked at it, only the probes know
    hasty = sum(socket.flushes_empty_then_enobufs or 0 for socket in observed.attachment.sockets)
    assert hasty == sum(counts.unwaited_flushes for counts in observed.threads.values())
