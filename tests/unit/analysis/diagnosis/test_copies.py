# SPDX-License-Identifier: GPL-2.0-only
"""Zerocopy that copies all the same, and zerocopy that cannot be."""

from typing import Any

import pytest

from tests.unit.analysis.diagnosis.seen import found, ids, seen, socket
from zcprobe.analysis.diagnosis import judge
from zcprobe.format.attachment import SocketSummary, ThreadSummary, UringSummary


@pytest.mark.parametrize(("copied", "expected"), [(1009, "all-copied"), (999, "all-copied"), (998, "nothing-wrong")])
def test_all_are_copied_from_99_percent_on(copied: int, expected: str) -> None:
    assert ids(seen(socket(copied_true=copied))) == [expected]


@pytest.mark.parametrize(
    ("device", "told"),
    [
        ({"device_kind": "veth"}, "veth pair"),
        ({"device_kind": "tun"}, "tap device"),
        ({"device_kind": "physical"}, "packet socket"),
        ({"device_kind": "physical", "scatter_gather": False}, "no scatter-gather"),
    ],
)
def test_the_device_and_the_reason_are_named(device: dict[str, Any], told: str) -> None:
    finding = found(seen(socket(copied_true=1009, device="eth7", **device)), "all-copied")
    assert told in finding.what
    assert "eth7" in finding.what
    assert finding.evidence["device"] == "eth7"


def test_a_device_without_scatter_gather_needs_no_count() -> None:
    assert ids(seen(socket(copied_true=None, scatter_gather=False))) == ["all-copied"]
    assert "ethtool -K eth7 sg on" in found(seen(socket(scatter_gather=False, device="eth7")), "all-copied").do


def test_a_few_copies_may_be_those_of_a_tap_that_has_gone() -> None:
    assert ids(seen(socket(copied_true=15, completions_read=15))) == ["nothing-wrong"]


def test_copies_of_sends_that_nobody_read_count_too() -> None:
    finding = found(seen(socket(copied_true=500, completions_read=0)), "all-copied")
    assert "500 of the 500" in finding.what


def test_a_path_that_is_local_by_design_is_no_finding() -> None:
    assert ids(seen(socket(copied_true=1009), local_by_design=True)) == ["nothing-wrong"]


def test_where_copies_were_not_seen_that_is_said() -> None:
    assert judge(seen(socket(copied_true=None))).not_seen == ["whether data was copied"]


@pytest.mark.parametrize(("copied", "expected"), [(400, "all-copied"), (0, "nothing-wrong"), (None, "nothing-wrong")])
def test_io_uring_has_copies_too(copied: int | None, expected: str) -> None:
    uring = UringSummary(requests=400, notifications=400, copied_true=copied)
    assert ids(seen(uring=uring)) == [expected]


def test_zerocopy_over_loopback_cannot_help() -> None:
    assert ids(seen(socket(device="lo", device_kind="loopback", copied_true=None))) == ["cannot-be-zerocopy"]
    both = seen(socket(device="lo", device_kind="loopback", copied_true=1009))
    assert ids(both) == ["cannot-be-zerocopy", "all-copied"]


def test_plain_sends_over_loopback_are_no_finding() -> None:
    assert ids(seen(SocketSummary(protocol="tcp", device_kind="loopback", zerocopy_enabled=False, sends=0))) == [
        "nothing-wrong"
    ]


@pytest.mark.parametrize("name", ["multifdsend_0", "mig/src/send_0"])
def test_a_migration_without_a_zerocopy_socket_goes_through_a_unix_socket(name: str) -> None:
    proxy = SocketSummary(protocol="unix")
    threads = [ThreadSummary(tid=7, comm=name)]
    migration = seen(proxy, threads=threads)
    assert ids(migration) == ["cannot-be-zerocopy"]
    assert "KubeVirt" in found(migration, "cannot-be-zerocopy").do
    assert ids(seen(proxy)) == ["nothing-wrong"]
    assert ids(seen(proxy, threads=[ThreadSummary(tid=7, comm="nginx")])) == ["nothing-wrong"]
    assert ids(seen(proxy, socket(), threads=threads)) == ["nothing-wrong"]
