# SPDX-License-Identifier: GPL-2.0-only
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from zcprobe.cli.parser import make_parser
from zcprobe.dataset.load import Comparison, load_comparison
from zcprobe.plots.comparison import COMPARISON_FIGURES

Told = Callable[..., Any]

_MAGIC = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}


@pytest.mark.parametrize("kind", _MAGIC)
def test_the_name_says_the_format(zcprobe: Told, data: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"optmem.{kind}"
    result = zcprobe("plot", next(data.glob("held-completions/*-qemu-pre-*")), "-o", path)
    assert (result.code, result.output, result.error) == (0, b"", [])
    assert path.read_bytes().startswith(_MAGIC[kind])


def test_of_one_run_its_optmem_and_of_several_the_fix(zcprobe: Told, data: Path) -> None:
    one = zcprobe("plot", next(data.glob("held-completions/*-qemu-pre-*"))).output
    several = zcprobe("plot", data / "held-completions").output
    explicit = zcprobe("plot", data / "held-completions", "--figure", "with_and_without_the_fix").output
    assert several == explicit
    assert one.startswith(_MAGIC["svg"])
    assert one != several


@pytest.mark.parametrize("name", COMPARISON_FIGURES)
def test_only_the_figure_asked_for_is_drawn(
    zcprobe: Told, data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def never(_: Comparison) -> Figure:
        raise AssertionError("another figure is drawn")

    for other in COMPARISON_FIGURES.keys() - {name}:
        monkeypatch.setitem(COMPARISON_FIGURES, other, never)
    assert zcprobe("plot", data / "in-order", "--figure", name).output.startswith(_MAGIC["svg"])


def test_runs_named_one_by_one_make_the_figure_of_their_comparison(zcprobe: Told, data: Path) -> None:
    folders = [run.folder for run in load_comparison(data / "in-flight").runs]
    loose = zcprobe("plot", *folders, "--figure", "goodput", "-o", "-").output
    assert loose == zcprobe("plot", data / "in-flight", "--figure", "goodput").output


def test_a_timeline_of_each_run_is_as_tall_as_there_are_runs(zcprobe: Told, data: Path, tmp_path: Path) -> None:
    for count, name in ((1, "one.png"), (3, "three.png")):
        folders = [run.folder for run in load_comparison(data / "in-order").runs[:count]]
        assert zcprobe("plot", *folders, "--figure", "errqueue", "-o", tmp_path / name).code == 0
    assert imread(tmp_path / "three.png").shape[0] == 3 * imread(tmp_path / "one.png").shape[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--figure", "nonsense"), "no figure is called nonsense"),
        (("-o", "figure.jpeg"), "the name of figure.jpeg does not end in a format"),
        (("-o", "figure"), "the name of figure does not end in a format"),
    ],
)
def test_what_cannot_be_drawn_is_told(zcprobe: Told, data: Path, words: tuple[str, ...], says: str) -> None:
    result = zcprobe("plot", data / "in-order", *words)
    assert (result.code, result.output) == (2, b"")
    assert says in result.error[0]
    assert len(result.error) == 2


def test_runs_of_different_scenarios_share_no_axes(zcprobe: Told, data: Path) -> None:
    result = zcprobe("plot", data / "in-order", data / "in-flight", "--figure", "goodput")
    assert (result.code, result.output) == (2, b"")
    assert "made in different ways" in result.error[0]
    assert "in-order or in-flight; optmem_max 128 KiB or optmem_max 20 KiB" in result.error[0]


def test_help_names_every_figure() -> None:
    verbs = next(action for action in make_parser()._actions if action.dest == "verb")
    epilog = verbs.choices["plot"].epilog  # type: ignore[index, call-overload]
    for name in ("optmem", "errqueue", "samples", *COMPARISON_FIGURES):
        assert f" {name}" in epilog
