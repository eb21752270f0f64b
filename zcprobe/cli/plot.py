# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe plot"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zcprobe.analysis.comparisons import as_comparison
from zcprobe.cli.inputs import Inputs, load_inputs
from zcprobe.cli.output import is_stdout, open_output
from zcprobe.dataset.load import Attachment, Comparison, Run
from zcprobe.errors import UsageError
from zcprobe.plots.canvas import PNG_DPI, new_figure
from zcprobe.plots.comparison import COMPARISON_FIGURES
from zcprobe.plots.errqueue import plot_errqueue
from zcprobe.plots.optmem import plot_optmem
from zcprobe.plots.samples import plot_samples
from zcprobe.plots.tcp_info import plot_tcp_info

__all__ = ["run"]

_OF_EACH_RUN: dict[str, Callable[[Run, Axes], Axes]] = {
    "optmem": plot_optmem,
    "errqueue": plot_errqueue,
    "samples": plot_samples,
    "tcp_info": plot_tcp_info,
}
_FORMATS = ("svg", "png", "pdf")


def _format(output: Path | None) -> str:
    """The format that the name of the file ends in. UsageError for another name."""
    if output is None or is_stdout(output):
        return "svg"
    suffix = output.suffix.removeprefix(".").lower()
    if suffix not in _FORMATS:
        raise UsageError(f"the name of {output} does not end in a format", f"let it end in .{' or .'.join(_FORMATS)}")
    return suffix


def _figure_name(asked: str | None, runs: list[Run]) -> str:
    watched = any(isinstance(run, Attachment) for run in runs)
    of_one = "samples" if watched else "optmem"
    name = asked or (of_one if len(runs) == 1 or watched else "with_and_without_the_fix")
    if name not in _OF_EACH_RUN and name not in COMPARISON_FIGURES:
        raise UsageError(
            f"no figure is called {name}", f"choose one of {', '.join([*_OF_EACH_RUN, *COMPARISON_FIGURES])}"
        )
    if watched and name != "samples":
        raise UsageError(
            f"{name} cannot be drawn of an attachment, in which none of our senders counted", "draw --figure samples"
        )
    return name


def _one_comparison(inputs: Inputs) -> Comparison:
    """UsageError for runs that do not belong on one pair of axes."""
    if len(inputs.comparisons) == 1 and not inputs.loose:
        return inputs.comparisons[0]
    return as_comparison(inputs.runs)


def _draw_each(runs: list[Run], plot: Callable[[Run, Axes], Axes]) -> Figure:
    """A figure with one panel for each run, one below the other."""
    figure = new_figure(8, 4.5 * len(runs))
    for run, ax in zip(runs, figure.subplots(len(runs), squeeze=False).flat, strict=True):
        plot(run, ax)
    return figure


def _draw(name: str, inputs: Inputs) -> Figure:
    if name in _OF_EACH_RUN:
        return _draw_each(inputs.runs, _OF_EACH_RUN[name])
    return COMPARISON_FIGURES[name](_one_comparison(inputs))


def _save(figure: Figure, name: str, kind: str, file: BinaryIO) -> None:
    """Writes the figure without dates, so that the same runs give the same bytes."""
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(file, format=kind, dpi=PNG_DPI, metadata=dates[kind])


def run(options: argparse.Namespace) -> int:
    kind = _format(options.output)
    inputs = load_inputs(options)
    name = _figure_name(options.figure, inputs.runs)
    figure = _draw(name, inputs)
    with open_output(options.output) as file:
        _save(figure, name, kind, file)
    return 0
