# SPDX-License-Identifier: GPL-2.0-only
"""The families: their names and units, and the page, the dashboard and the alerts that name them."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from zcprobe.attach.metrics import AttachmentMetrics
from zcprobe.attach.totals import COUNTED, LEVELS, Members, RunningTotals
from zcprobe.format.attachment import AttachmentSummary, ProcessFacts, SocketSummary, UringSummary

_DOCS = Path(__file__).parents[3] / "docs"
_NAME = re.compile(r"zcprobe_attach_\w+")


_URING = UringSummary(requests=23, notifications=19, copied_true=17, delay_median_ns=25_000, cq_overflows=3)


def _metrics(uring: UringSummary | None = _URING, **counts: Any) -> AttachmentMetrics:
    """The metrics of one socket and of io_uring, of which everything was seen."""
    socket = SocketSummary(
        number=0, pid=7, protocol="tcp", enobufs_causes={"optmem": 3}, **dict.fromkeys(COUNTED, 1009) | counts
    )
    summary = AttachmentSummary(
        detail="causes",
        duration_ns=1_500_000_000,
        sockets=[socket],
        processes=[ProcessFacts(pid=7, comm="sender")],
        uring=uring,
        findings=[],
    )
    sample: Members = {"pid": 7, "state": "ESTAB", "optmem_max_bytes": 131072, **dict.fromkeys(LEVELS, 832)}
    metrics = AttachmentMetrics()
    metrics.totals = RunningTotals().update(summary, [sample], 2)
    return metrics


def _samples(metrics: AttachmentMetrics) -> dict[str, float]:
    """Name of a sample -> the sum of its values."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(generate_latest(metrics).decode()):  # type: ignore[arg-type]
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_numbers_are_in_base_units_and_counters_end_in_total() -> None:
    told = _samples(_metrics())
    assert told["zcprobe_attach_sends_total"] == 1009
    assert told["zcprobe_attach_watched_seconds_total"] == 1.5
    assert told["zcprobe_attach_optmem_used_ratio"] == pytest.approx(832 / 131072)
    assert told["zcprobe_attach_enobufs_total"] == 3
    assert told["zcprobe_attach_forgotten_sockets_total"] == 2
    for family in _metrics().collect():
        assert (family.type == "counter") == all(sample.name.endswith("_total") for sample in family.samples)


def test_what_io_uring_sends_is_told_as_attach_shows_it() -> None:
    told = {name.removeprefix("zcprobe_attach_uring_"): value for name, value in _samples(_metrics()).items()}
    assert (told["requests_total"], told["notifications_total"]) == (23, 19)
    assert (told["copied_notifications_total"], told["cq_overflows_total"]) == (17, 3)
    assert told["delay_median_seconds"] == 25e-6
    unasked = _samples(_metrics(UringSummary(requests=0, notifications=0)))
    assert {name for name in unasked if "uring" in name} == {
        "zcprobe_attach_uring_requests_total",
        "zcprobe_attach_uring_notifications_total",
    }
    assert not any("uring" in name for name in _samples(_metrics(None)))


def test_no_process_descriptor_port_or_address_is_a_label() -> None:
    labels = {label for family in _metrics().collect() for sample in family.samples for label in sample.labels}
    assert labels == {"comm", "cause", "id"}


def test_what_was_not_seen_has_no_family() -> None:
    assert "zcprobe_attach_flushes_total" not in _samples(_metrics(flushes=None))


def test_before_the_first_interval_there_is_nothing() -> None:
    assert list(AttachmentMetrics().collect()) == []


def test_the_page_names_every_family_and_no_other() -> None:
    assert set(_NAME.findall((_DOCS / "metrics.md").read_text())) == set(_samples(_metrics()))


@pytest.mark.parametrize("file", ["dashboard.json", "rules.yml"])
def test_dashboard_and_alerts_ask_for_families_that_exist(file: str) -> None:
    asked = set(_NAME.findall((_DOCS / "metrics" / file).read_text()))
    assert asked
    assert asked <= set(_samples(_metrics()))


def test_the_panels_of_the_dashboard_do_not_cover_each_other() -> None:
    dashboard = msgspec.json.decode((_DOCS / "metrics" / "dashboard.json").read_bytes())
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
