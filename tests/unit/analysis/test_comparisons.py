# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.changed import changed_run
from zcprobe.analysis.comparisons import (
    as_comparison,
    as_comparisons,
    claims_of,
    comparison_of,
    group_titles,
    points_of,
    with_results,
)
from zcprobe.dataset.load import Comparison, RunCollection, load_comparison
from zcprobe.errors import UsageError
from zcprobe.format.claims import Stamp
from zcprobe.report.html import render_report


def test_runs_of_a_comparison_stay_together(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    (part,) = as_comparisons(comparison.runs)
    assert part.runs == comparison.runs
    for policy, stored in comparison.meta.policies.items():
        made = part.meta.policies[policy]
        # medians of quantities that came later are not in the file
        assert stored is not None
        assert made is not None
        assert replace(made, medians={name: made.medians[name] for name in stored.medians}) == stored
    assert set(part.policies) == set(comparison.policies)


def test_runs_made_in_different_ways_do_not(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs[0]
    others = [changed_run(run, channels=2), changed_run(run, optmem_max_bytes=20480), run]
    parts = as_comparisons(others + shipped["in-flight"].runs)
    assert [len(part.runs) for part in parts] == [1, 1, 1, 3]
    assert group_titles(parts) == [
        "held-completions, 2 channels, 4,000 writes on each channel, optmem_max 64 KiB",
        "held-completions, 1 channel, 4,000 writes on each channel, optmem_max 20 KiB",
        "held-completions, 1 channel, 4,000 writes on each channel, optmem_max 64 KiB",
        "in-flight, 1 channel, 500 writes on each channel, optmem_max 20 KiB",
    ]


def test_one_policy_with_other_parameters_is_in_another_group(shipped: dict[str, Comparison]) -> None:
    run = shipped["held-completions"].runs[0]
    waits = (1009, 23, 1009)
    patient, hasty, again = (changed_run(run, policy="watermark", parameters_wait_ms=wait) for wait in waits)
    merged = changed_run(run, policy="qemu-merged", parameters_wait_ms=500)
    parts = as_comparisons([patient, merged, hasty, again])
    assert [part.runs for part in parts] == [[patient, merged, again], [hasty]]
    assert [title.split(", ")[1:] for title in group_titles(parts)] == [["wait 1009 ms"], ["wait 23 ms"]]


def test_groups_of_plain_sends_and_of_probe_levels_are_told_apart(shipped: dict[str, Comparison]) -> None:
    run = shipped["in-order"].runs[0]
    ways: list[dict[str, Any]] = [
        {"zerocopy": False},
        {"probe_level": "off"},
        {"socket_pacing_bps": 100_000_000},
        {"socket_nodelay": False},
    ]
    titles = group_titles(as_comparisons([run, *(changed_run(run, **way) for way in ways)]))
    assert len(set(titles)) == len(ways) + 1
    for title, words in zip(
        titles[1:], ["plain sends without MSG_ZEROCOPY", "no probes", "paced to 100 Mbit/s", "Nagle"], strict=True
    ):
        assert words in title


def test_what_is_loaded_is_one_comparison_or_an_error_that_says_why(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    assert as_comparison(comparison) is comparison
    assert as_comparison(comparison.runs[0]).runs == comparison.runs[:1]
    assert as_comparison(RunCollection(comparison.runs, comparison.folder)).runs == comparison.runs
    with pytest.raises(UsageError, match="no runs"):
        as_comparison([])
    with pytest.raises(UsageError, match=r"held-completions or in-flight; .*; optmem_max 64 KiB or optmem_max 20 KiB"):
        as_comparison([*comparison.runs, *shipped["in-flight"].runs])


def test_what_was_not_planned_has_no_seed_and_says_so(shipped: dict[str, Comparison]) -> None:
    comparison = comparison_of(shipped["in-order"].runs[:2])
    text = render_report([comparison], comparison.folder, most_drawn=0)
    assert "outside of any planned comparison" in text
    assert "drift may hit policies unalike" in text
    assert "seed of the order" not in text
    assert "comparison.json" not in text


def test_noise_is_told_from_the_runs(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["no-probes"]
    found = [run.sender.goodput_bps for run in comparison.runs_of("qemu-merged")]
    rates = [rate for rate in found if rate is not None]
    assert len(rates) == len(found) == 2
    text = render_report([comparison], comparison.folder, most_drawn=0)
    # of two runs the median is the middle
    assert f"qemu-merged {(max(rates) - min(rates)) / (sum(rates) / 2):.0%}" in text


@pytest.fixture(scope="module")
def five() -> Comparison:
    """Five runs of each policy, interleaved."""
    return load_comparison(Path(__file__).parents[2] / "data" / "version_3" / "held-completions")


def test_the_runs_of_a_point_are_found_by_their_block(five: Comparison) -> None:
    points = points_of(five)
    assert list(points) == ["qemu-pre", "qemu-shipped", "qemu-merged"]
    blocks = {entry.folder: entry.repeat for entry in five.meta.runs}
    for policy, point in points.items():
        assert sorted(point) == [1, 2, 3, 4, 5]
        assert all(run.policy == policy and blocks[run.folder.name] == block for block, run in point.items())


def test_runs_that_nobody_planned_are_paired_in_their_order(five: Comparison) -> None:
    loose = comparison_of(five.runs_of("qemu-merged")[::-1])
    assert list(points_of(loose)["qemu-merged"].values()) == loose.runs
    assert claims_of(loose) == []


def test_what_is_stored_with_a_comparison_is_made_from_its_runs(five: Comparison) -> None:
    meta = with_results(five).meta
    shown = {(claim.candidate, claim.quantity) for claim in meta.verdicts or [] if claim.shown}
    assert shown == {("qemu-merged", "completed_share"), ("qemu-shipped", "sends_before_enobufs")}
    assert meta.verdicts == claims_of(five)
    assert meta.noise is not None
    assert meta.noise["completed_share"] == 0
    assert meta.noise["goodput_bps"] > 0
    assert meta.stamp == Stamp(valid=True, run_count=15, why=[])


def test_the_smallest_effect_that_matters_is_that_of_the_comparison(five: Comparison) -> None:
    strict = Comparison(five.folder, replace(five.meta, smallest_effect=1.0), five.runs)
    assert {claim.smallest_effect for claim in claims_of(strict)} == {1.0}
    assert {claim.smallest_effect for claim in claims_of(five)} == {0.05}
