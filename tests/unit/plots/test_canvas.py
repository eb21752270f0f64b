# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from msgspec.structs import replace

from tests.unit.changed import run_with
from zcprobe.dataset.load import Comparison, load_comparison, load_run
from zcprobe.errors import OutputError
from zcprobe.plots import plot_enobufs, plot_optmem, plot_samples
from zcprobe.plots.canvas import save_figure
from zcprobe.plots.comparison import COMPARISON_FIGURES
from zcprobe.plots.style import FILLS


def _figure(comparison: Comparison) -> Figure:
    return plot_optmem(comparison.runs_of("qemu-merged")[0]).figure  # type: ignore[return-value]


def _small_print(figure: Figure) -> Text:
    return next(text for text in figure.findobj(Text) if "zcprobe 0" in text.get_text())


def _with_load(comparison: Comparison, load: float) -> Comparison:
    runs = [run_with(run, host=replace(run.meta.host, load_1min=load)) for run in comparison]
    return Comparison(comparison.folder, comparison.meta, runs)


@pytest.mark.parametrize(("load", "stamp"), [(1.0, "VALID; held-completions"), (9.0, "INVALID: load in 15 of 15 runs")])
@pytest.mark.parametrize("name", ["with_and_without_the_fix", "goodput"])
def test_every_figure_begins_its_small_print_with_the_stamp(name: str, load: float, stamp: str) -> None:
    calm = load_comparison(Path(__file__).parents[2] / "data" / "version_3" / "held-completions")
    figure = COMPARISON_FIGURES[name](_with_load(calm, load))
    text = _small_print(figure)
    assert text.get_text().startswith(stamp)
    assert (text.get_color() == "#b00020") == (load > 3)


def test_a_figure_of_an_attachment_has_a_stamp() -> None:
    kept = Path(__file__).parents[2] / "data" / "version_3" / "attachments" / "qemu-11.1"
    figure = plot_samples(load_run(kept)).figure
    assert isinstance(figure, Figure)
    assert "VALID" in _small_print(figure).get_text().partition(";")[0]


def test_png_svg_and_pdf_have_the_same_bytes_every_time(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        paths = save_figure(_figure(shipped["held-completions"]), folder, "optmem")
        assert [path.suffix for path in paths] == [".png", ".svg", ".pdf"]
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_saving_leaves_the_layout_to_the_figure(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    figure = _figure(shipped["in-order"])
    before = figure.get_layout_engine()
    save_figure(figure, tmp_path, "x", ["png"])
    assert figure.get_layout_engine() is before


def test_a_folder_that_cannot_be_written_is_one_error(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no figure can be written"):
        save_figure(_figure(shipped["in-order"]), tmp_path / "nothing", "x")


def test_who_holds_optmem_can_be_told_without_colour(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    """Hatches make the grey of the two fills vary in different ways; a plain fill would not vary at all."""
    run = shipped["held-completions"].runs_of("qemu-merged")[0]
    ax = plot_enobufs(run)
    ax.set_title("")
    path = save_figure(ax.figure, tmp_path, "bw", ["png"])[0]  # type: ignore[arg-type]
    picture = imread(path)
    grey = picture[..., :3] @ np.array([0.299, 0.587, 0.114])
    bars = [patch for patch in ax.patches if patch.get_height() > 5]
    spread = []
    for bar in (bars[0], bars[-1]):
        box = bar.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
        x0, x1 = (round(value * 150) + shift for value, shift in ((box.x0, 6), (box.x1, -6)))
        y0, y1 = (round(picture.shape[0] - value * 150) + shift for value, shift in ((box.y1, 6), (box.y0, -6)))
        spread.append(float(grey[y0:y1, x0:x1].std()))
    assert min(spread) > 0.02
    assert FILLS["unread"].hatch != FILLS["in_flight"].hatch
