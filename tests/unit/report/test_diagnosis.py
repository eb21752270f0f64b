# SPDX-License-Identifier: GPL-2.0-only
"""The report's diagnosis: one run of each policy, and what could not be judged."""

from pathlib import Path

import pytest

from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.report.diagnosis import diagnosed_runs
from zcprobe.report.html import render_report

_DATA = Path(__file__).parents[2] / "data"
_HELD = _DATA / "version_1" / "held-completions"
_UNPROBED = _DATA / "version_1" / "no-probes"


def test_each_policy_has_its_own_findings() -> None:
    found = {run.policy: [finding.id for finding in run.findings] for run in diagnosed_runs(load_comparison(_HELD))}
    assert found["qemu-pre"] == ["unread-out-of-order"]
    assert found["qemu-shipped"][0] == "flush-did-not-wait"
    assert found["qemu-merged"] == ["unread-out-of-order", "limit-too-small"]


def test_without_probes_it_is_said_what_was_not_seen() -> None:
    runs = {run.policy: run for run in diagnosed_runs(load_comparison(_UNPROBED))}
    assert [finding.id for finding in runs["qemu-pre"].findings] == ["limit-too-small"]
    assert "why a send was refused" in runs["qemu-pre"].not_seen
    assert runs["qemu-pre"].unexplained == ""  # the finding speaks for the refused call


def test_the_page_has_each_finding_with_what_to_do_before_the_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcprobe.report.html.draw_comparison", lambda comparison: {})
    comparison = load_comparison(_HELD)
    page = render_report([comparison], tmp_path)
    section = page[page.index("<h2>Diagnosis</h2>") : page.index("<h2>Figures</h2>")]
    for run in diagnosed_runs(comparison):
        for finding in run.findings:
            assert f"<dt>{finding.id}</dt>" in section
            assert finding.do.replace("'", "&#39;") in section


def test_the_page_says_which_limit_each_sender_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zcprobe.report.html.draw_comparison", lambda comparison: {})
    comparison = load_comparison(_HELD)
    page = render_report([comparison], tmp_path)
    for run in diagnosed_runs(comparison):
        assert "No limit is enough. With net.core.optmem_max of" in run.need
        assert run.need in page


def test_only_parts_with_figures_are_diagnosed(tmp_path: Path) -> None:
    comparison = load_comparison(_HELD)
    assert "<h2>Diagnosis</h2>" not in render_report([comparison], tmp_path, most_drawn=0)


def test_a_comparison_without_runs_has_none() -> None:
    whole = load_comparison(_HELD)
    assert diagnosed_runs(Comparison(whole.folder, whole.meta, [])) == []
