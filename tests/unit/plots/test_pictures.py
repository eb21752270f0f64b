# SPDX-License-Identifier: GPL-2.0-only
"""Figures of shipped runs against kept pictures.

The tolerance lets text be drawn a little differently, as other versions of matplotlib do, and nothing else: a test
shows that the same figure of another run is far outside. After a wanted change of a figure, look at it and run

    ZCPROBE_KEEP_PICTURES=1 .venv/bin/pytest tests/unit/plots/test_pictures.py
"""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images

from zcprobe import plots
from zcprobe.dataset.cost import load_cost
from zcprobe.dataset.load import Comparison, RunCollection, load_collection, load_comparison

_DATA = Path(__file__).parents[2] / "data"
_VERSION_1 = _DATA / "version_1"
_KEPT = Path(__file__).parent / "pictures"
_KEEP = "ZCPROBE_KEEP_PICTURES" in os.environ
_TOLERANCE_RMS = 12.0


def _held() -> Comparison:
    return load_comparison(_VERSION_1 / "held-completions")


def _campaign(name: str) -> RunCollection:
    return load_collection(_VERSION_1 / "campaigns" / name)


PICTURES: dict[str, Callable[[], Figure]] = {
    "with_and_without_the_fix": lambda: plots.draw_with_and_without_the_fix(_held()),
    "overview": lambda: plots.draw_overview(load_comparison(_VERSION_1 / "channels").runs[0]),
    "optmem": lambda: plots.plot_optmem(_held().runs_of("qemu-pre")[0]).figure,
    "errqueue": lambda: plots.plot_errqueue(_held().runs_of("qemu-merged")[0]).figure,
    "ranges": lambda: plots.plot_ranges(_held().runs_of("qemu-shipped")[0]).figure,
    "stalls": lambda: plots.plot_stalls(_held()).figure,
    "completion_latency": lambda: plots.plot_completion_latency(_held()).figure,
    "enobufs_causes": lambda: plots.plot_enobufs_causes(_held()).figure,
    "policies": lambda: plots.draw_policies(_campaign("policies")),
    "crossover": lambda: plots.plot_crossover(_campaign("crossover")).figure,
    "optmem_map": lambda: plots.plot_optmem_map(_campaign("optmem-by-size")).figure,
    "probe_cost": lambda: plots.plot_probe_cost(load_cost(_DATA / "cost.json")).figure,
}

_ANOTHER: dict[str, Callable[[], Figure]] = {
    "optmem": lambda: plots.plot_optmem(_held().runs_of("qemu-merged")[0]).figure,
    "errqueue": lambda: plots.plot_errqueue(_held().runs_of("qemu-pre")[0]).figure,
    "stalls": lambda: plots.plot_stalls(load_comparison(_VERSION_1 / "in-flight")).figure,
    "optmem_map": lambda: plots.plot_optmem_map(_campaign("optmem-by-share"), against="hold_one_in_count").figure,
}


def _draw(draw: Callable[[], Figure], path: Path) -> Path:
    """Small, and the same whatever the user has set for matplotlib."""
    with mpl.rc_context(mpl.rcParamsDefault):
        draw().savefig(path, dpi=45)
    return path


def _difference(kept: Path, drawn: Path) -> float:
    """Root of the mean square over all pixels, 0 to 255; inf for pictures of different sizes."""
    found = compare_images(str(kept), str(drawn), 0, in_decorator=True)
    return 0.0 if found is None else float(found["rms"])


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_looks_as_it_did(name: str, tmp_path: Path) -> None:
    kept = _KEPT / f"{name}.png"
    if _KEEP:
        _draw(PICTURES[name], kept)
        pytest.skip("kept anew")
    drawn = _draw(PICTURES[name], tmp_path / f"{name}.png")
    assert _difference(kept, drawn) < _TOLERANCE_RMS


@pytest.mark.parametrize("name", _ANOTHER)
def test_another_run_looks_different(name: str, tmp_path: Path) -> None:
    drawn = _draw(_ANOTHER[name], tmp_path / f"{name}.png")
    assert _difference(_KEPT / f"{name}.png", drawn) > 1.5 * _TOLERANCE_RMS


def test_no_picture_is_kept_for_nothing() -> None:
    assert {path.stem for path in _KEPT.glob("*.png")} == set(PICTURES)
    assert sum(path.stat().st_size for path in _KEPT.iterdir()) < 500_000
