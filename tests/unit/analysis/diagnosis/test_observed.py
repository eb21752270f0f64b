# SPDX-License-Identifier: GPL-2.0-only
"""The findings of the kept runs are what their scenarios are made to show."""

from pathlib import Path

import pytest

from zcprobe.analysis.diagnosis import diagnose, judge
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.dataset.load import Run, load_run

_DATA = Path(__file__).parents[3] / "data"


def _run(pattern: str) -> Run:
    (folder,) = _DATA.glob(pattern)
    return load_run(folder)


def _ids(run: Run) -> list[str]:
    return [finding.id for finding in diagnose(observed(run))]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("version_1/held-completions/*-qemu-pre-*", ["unread-out-of-order"]),
        ("version_1/held-completions/*-qemu-merged-*", ["unread-out-of-order", "limit-too-small"]),
        (
            "version_1/held-completions/*-qemu-shipped-*",
            ["flush-did-not-wait", "unread-out-of-order", "limit-too-small"],
        ),
        ("version_1/channels/*-qemu-pre-*", ["unread-out-of-order", "limit-too-small"]),
        ("version_1/in-flight/*-qemu-pre-*", ["limit-too-small"]),
        ("version_1/in-flight/*-qemu-merged-*", ["limit-too-small"]),
        ("version_1/memlock/*-qemu-pre-*", ["memlock"]),
        ("version_1/in-order/*-qemu-merged-*", ["nothing-wrong"]),
        ("version_2/runs/first-run", ["unread-out-of-order", "limit-too-small"]),
        ("version_2/runs/channels", ["unread-out-of-order", "limit-too-small"]),
        ("version_2/runs/in-flight", ["flush-did-not-wait", "limit-too-small"]),
        ("version_2/runs/memlock", ["memlock"]),
        ("version_2/runs/in-order", ["nothing-wrong"]),
        ("version_2/runs/migration", ["nothing-wrong"]),
        ("version_2/runs/requests", ["nothing-wrong"]),
        ("version_2/runs/datagrams", ["small-sends"]),
    ],
)
def test_a_scenario_gets_the_finding_that_it_was_made_for(pattern: str, expected: list[str]) -> None:
    assert _ids(_run(pattern)) == expected


def test_every_death_of_enobufs_is_explained_and_no_control_has_a_finding(run: Run) -> None:
    judged = judge(observed(run))
    if run.sender.outcome == "dead_enobufs":
        assert judged.findings
    if run.sender.enobufs_count == 0 and run.policy != "copy-off" and run.send_bytes != 1400:
        assert [finding.id for finding in judged.findings] == ["nothing-wrong"]


def test_refusals_and_their_split_are_those_of_the_summary(run: Run) -> None:
    sockets = observed(run).sockets
    summary = run.kernel
    assert sum(socket.enobufs or 0 for socket in sockets) == run.sender.enobufs_count
    if summary.enobufs_causes is None:
        assert {socket.enobufs_causes for socket in sockets} == {None}
        return
    by_optmem = sum((socket.enobufs_causes or {}).get("optmem", 0) for socket in sockets)
    assert by_optmem == summary.enobufs_causes.get("optmem", 0)
    # events and the kernel's counts look at the queue one after the other: a completion may lie between the two
    unsure = summary.charge_bytes * by_optmem
    for name in ("enobufs_unread_bytes", "enobufs_in_flight_bytes"):
        added_up = sum(getattr(socket, name) for socket in sockets)
        assert added_up == pytest.approx(getattr(summary, name) or 0, abs=unsure)


def test_a_flush_that_did_not_wait_is_seen_in_the_tables_alone() -> None:
    sender = _run("version_1/no-probes/*-qemu-shipped-1ef22f")
    (socket,) = observed(sender).sockets
    assert socket.flushes_empty_then_enobufs == 1
    assert socket.flushes_waited == 0
    assert socket.enobufs_causes is None


def test_a_policy_that_waits_has_no_hasty_flush() -> None:
    sockets = observed(_run("version_2/runs/channels")).sockets
    assert [socket.flushes_empty_then_enobufs for socket in sockets] == [0, 0, 0]
    assert sum(socket.flushes_waited or 0 for socket in sockets) > 0


def test_without_records_flushes_are_not_seen() -> None:
    run = next(iter(sorted((_DATA / "version_2/campaigns/policies").glob("*/run.json")))).parent
    socket = observed(load_run(run)).sockets[0]
    assert socket.flushes is None
    assert socket.flushes_empty_then_enobufs is None


def test_the_limit_and_the_locked_pages_of_memlock_are_those_of_the_refusals() -> None:
    (process,) = observed(_run("version_2/runs/memlock")).processes
    assert process.memlock_limit_bytes
    assert process.locked_bytes_of_user
    assert process.locked_bytes_of_user <= process.memlock_limit_bytes


def test_late_data_is_held_by_the_device_to_which_it_was_mirrored() -> None:
    holders = observed(_run("version_2/runs/first-run")).sockets[0].late_holders
    assert holders
    assert max(holders, key=holders.__getitem__) == "ifb_xmit"
