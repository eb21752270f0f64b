# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from zcprobe.dataset.load import Comparison
from zcprobe.errors import OutputError
from zcprobe.plots import plot_enobufs, plot_optmem
from zcprobe.plots.canvas import save_figure
from zcprobe.plots.style import FILLS


def _figure(comparison: Comparison) -> Figure:
    return plot_optmem(comparison.runs_of("qemu-merged")[0]).figure  # type: ignore[return-value]


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
