# SPDX-License-Identifier: GPL-2.0-only
import os
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from msgspec.structs import replace

from zcprobe.dataset.load import Comparison
from zcprobe.plots.captions import captions
from zcprobe.plots.comparison import COMPARISON_FIGURES, draw_comparison, save_comparison_figures
from zcprobe.plots.order import in_order
from zcprobe.plots.with_and_without_the_fix import representative_run


def _words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))  # type: ignore[attr-defined]


def test_each_figure_has_a_caption_with_n(comparison: Comparison) -> None:
    assert list(captions(comparison)) == list(COMPARISON_FIGURES)
    assert all("n = " in text for text in captions(comparison).values())


@pytest.mark.parametrize("name", ["with_and_without_the_fix", "enobufs", "round_trips"])
def test_figures_with_several_axes_are_drawn_of_each_comparison(name: str, comparison: Comparison) -> None:
    """The others have one axes each, which test_plots.py draws of each comparison."""
    figure = COMPARISON_FIGURES[name](comparison)
    figure.draw_without_rendering()
    assert [policy for policy in comparison.policies if policy not in _words(figure)] == []


def test_each_figure_is_saved_thrice(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    figures = draw_comparison(shipped["held-completions"])
    assert list(figures) == list(captions(shipped["held-completions"]))
    save_comparison_figures(figures, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.{kind}" for name in figures for kind in ("png", "svg", "pdf")
    }


def test_the_columns_say_policy_outcome_and_price(shipped: dict[str, Comparison]) -> None:
    comparison = shipped["held-completions"]
    words = " ".join(_words(draw_comparison(comparison)["with_and_without_the_fix"]).split())
    for run in comparison.runs:
        assert run.policy in words
        assert f"{run.sender.sends:,} sends" in words
    assert "dead of ENOBUFS" in words
    assert f"{comparison.runs_of('qemu-merged')[0].sender.stall_count} stalls" in words


def test_the_shown_run_is_the_one_with_the_median_number_of_sends(shipped: dict[str, Comparison]) -> None:
    runs = shipped["no-probes"].runs
    shown = representative_run(runs)
    assert shown is not None
    assert shown.sender.sends == sorted(run.sender.sends for run in runs)[(len(runs) - 1) // 2]
    assert representative_run([]) is None


def test_policies_come_as_the_suite_lists_them(shipped: dict[str, Comparison]) -> None:
    whole = shipped["held-completions"]
    shuffled = Comparison(
        whole.folder, replace(whole.meta, policies=dict.fromkeys(["new", "qemu-merged", "qemu-pre"])), []
    )
    assert in_order(shuffled.policies) == ["qemu-pre", "qemu-merged", "new"]


def test_policies_without_a_run_and_more_than_three_of_them_are_drawn(shipped: dict[str, Comparison]) -> None:
    whole = shipped["in-flight"]
    policies = dict.fromkeys(["qemu-pre", "qemu-merged", "folly", "ydb"])
    figures = draw_comparison(Comparison(whole.folder, replace(whole.meta, policies=policies), whole.runs[:1]))
    assert "no run of this policy was made" in _words(figures["with_and_without_the_fix"])
    figures["with_and_without_the_fix"].canvas.draw()


def test_nobody_else_can_put_anything_into_the_folder_of_figures(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        save_comparison_figures({}, tmp_path / "figures")
    finally:
        os.umask(before)
    assert (tmp_path / "figures").stat().st_mode & 0o7777 == 0o755
