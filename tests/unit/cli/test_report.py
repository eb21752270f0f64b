# SPDX-License-Identifier: GPL-2.0-only
"""The file that `zcprobe report` writes; tests/unit/report tests its content."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from zcprobe.report.html import FIGURE_TITLES

Told = Callable[..., Any]


def _references(text: str) -> list[str]:
    return [unquote(href) for href in re.findall(r'(?:href|src)="([^"]*)"', text) if not href.startswith("data:")]


def _check_references(path: Path) -> list[str]:
    """Every anchor is in the file, every file is where the link says."""
    text = path.read_text(encoding="utf-8")
    anchors = re.findall(r'id="([^"]*)"', text)
    assert len(anchors) == len(set(anchors))
    references = _references(text)
    for reference in references:
        if reference.startswith("#"):
            assert reference[1:] in anchors
        else:
            assert (path.parent / reference).is_file(), reference
    return references


def test_of_a_comparison_anywhere(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    comparison = shutil.copytree(data / "held-completions", tmp_path / "runs #1 100%" / "held completions")
    path = tmp_path / "elsewhere" / "report.html"
    path.parent.mkdir()
    result = zcprobe("report", comparison, "-o", path)
    assert (result.code, result.output, result.error) == (0, b"", [])
    references = _check_references(path)
    assert "../runs #1 100%/held completions/comparison.json" in references
    assert "#data-goodput" in references
    assert [entry.name for entry in path.parent.iterdir()] == ["report.html"]


def test_of_one_run(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    assert zcprobe("report", next(data.glob("memlock/*-qemu-pre-*")), "-o", tmp_path / "report.html").code == 0
    _check_references(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "under test: memlock" in text
    assert "comparison.json" not in text
    assert "1 memlock" in text


def test_runs_made_in_different_ways_are_kept_apart(
    zcprobe: Told, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcprobe.cli.report._MOST_DRAWN", 1)
    loose = [next(data.glob(f"{name}/*-qemu-pre-*")) for name in ("in-order", "in-flight", "memlock")]
    assert zcprobe("report", data / "no-probes", *loose, "-o", tmp_path / "report.html").code == 0
    _check_references(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "4 groups of runs" in text
    # the group of a lone run has one policy in its table, whatever others there are
    assert [text.count(f'id="part{number}-top"') for number in (1, 2, 3, 4, 5)] == [1, 1, 1, 1, 0]


def test_on_stdout_links_lead_from_here(
    zcprobe: Told, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(next(data.glob("in-order/*-qemu-pre-*")), tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    output = zcprobe("report", "run", "-o", "-").output.decode()
    assert "run/sends.parquet" in _references(output)


def test_many_groups_have_figures_where_asked_and_say_how_far_they_are(
    zcprobe: Told, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zcprobe.cli.report._MOST_DRAWN", 1)
    monkeypatch.setattr("zcprobe.cli.progress._SILENT_S", 0.0)
    words = ("report", data / "in-order", next(data.glob("memlock/*-qemu-pre-*")), "-o", tmp_path / "report.html")
    result = zcprobe(*words)
    assert "2 groups of runs; figures are drawn of the first 1, of all with --all-figures" in result.error[0]
    assert "groups of runs reported: 1 of 2" in result.error[1]
    text, figures = (tmp_path / "report.html").read_text(), len(FIGURE_TITLES)
    assert (text.count('src="data:image'), text.count("Numbers of this figure")) == (figures, 2 * figures)
    assert "The figures are not drawn" in text
    _check_references(tmp_path / "report.html")
    assert zcprobe(*words, "--all-figures").code == 0
    _check_references(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().count('src="data:image') == 2 * figures
