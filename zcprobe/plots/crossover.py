# SPDX-License-Identifier: GPL-2.0-only
"""Compares zerocopy with copying, by the size of a send."""

import textwrap
from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zcprobe.analysis.crossover import crossover_bytes, df_crossover
from zcprobe.analysis.crossover_quantities import CROSSOVER_QUANTITIES, Crossed, CrossoverQuantity, crossed
from zcprobe.dataset.load import Run
from zcprobe.plots.canvas import add_method_line, axes_or_new, new_figure, say_empty
from zcprobe.plots.style import PAPER
from zcprobe.units import format_bytes

__all__ = ["draw_crossover", "plot_crossover"]

_UNITS = {"bps": ("Gbit/s", 1e9), "gb": ("s/GB", 1.0), "ns": ("µs", 1e3)}
"""Last part of a quantity's name -> the unit of its axis, and how much of the quantity's own unit that is."""

_WARNING_CHARACTERS, _TITLE_CHARACTERS = 120, 66

_SIDES = (("zerocopy", "#0072B2", "o"), ("copy", "#D55E00", "s"))


def plot_crossover(runs: Sequence[Run], ax: Axes | None = None) -> Axes:
    """Ratio of median goodputs with its bootstrap interval, over the size of a send; above the line zerocopy wins."""
    ax = axes_or_new(ax, runs)
    table = df_crossover(runs)
    ax.set_title("Where zerocopy begins to pay on this path", loc="left", fontsize=11)
    ax.set_xlabel("size of a send (logarithmic)")
    ax.set_ylabel("goodput, zerocopy to copy")
    if table.empty:
        return say_empty(ax, "no size of a send has completed runs both with and without zerocopy")
    ratio = table["ratio"].to_numpy()
    low, high = table["low"].fillna(table["ratio"]).to_numpy(), table["high"].fillna(table["ratio"]).to_numpy()
    ax.errorbar(table["send_bytes"], ratio, yerr=[ratio - low, high - ratio], color="#0072B2", marker="o", capsize=4)
    ax.axhline(1, color="black", linewidth=1.4, linestyle=(0, (6, 2)))
    ax.text(0.005, 1, "equal", transform=ax.get_yaxis_transform(), va="bottom", fontsize=9, bbox=PAPER)
    ax.set_xscale("log", base=2)
    counts = zip(table["send_bytes"], table["zerocopy_run_count"], table["copy_run_count"], strict=True)
    labels = [f"{format_bytes(size)}\nn = {zerocopy} + {copy}" for size, zerocopy, copy in counts]
    ax.set_xticks(table["send_bytes"].to_list(), labels, fontsize=9)
    ax.minorticks_off()
    ax.set_ylim(0, max(float(high.max()), 1.0) * 1.2)
    found = crossover_bytes(table)
    text = f"zerocopy pays from {format_bytes(found)} on" if found else "not shown to pay, up to the largest size"
    ax.text(0.99, 0.96, text, transform=ax.transAxes, ha="right", va="top", fontsize=10)
    return ax


def draw_crossover(runs: Sequence[Run], found: Crossed | None = None) -> Figure:
    """A panel for each quantity that was measured: medians over runs with their intervals, by the size of a send, and
    from which size zerocopy is better. `found`: what `crossed` makes of the runs, if the caller has it already."""
    found = found or crossed(runs)
    measured = set(found.table["quantity"])
    panels = [(one, name) for one in CROSSOVER_QUANTITIES for name in one.words if name in measured]
    figure = new_figure(11, 3.3 * max(1, -(-len(panels) // 2)) + 0.8)
    add_method_line(figure, runs)
    axes = list(figure.subplots(max(1, -(-len(panels) // 2)), 2, squeeze=False).flat)
    texts = {point.quantity: point.text for point in found.points}
    for ax, (one, name) in zip(axes, panels, strict=False):
        _draw_quantity(ax, one, name, found.table[found.table["quantity"] == name])
        title = [one.words[name], *textwrap.wrap(texts.get(name, ""), _TITLE_CHARACTERS)]
        ax.set_title("\n".join(title), loc="left", fontsize=9.5)
    for ax in axes[len(panels) :]:
        ax.set_visible(bool(not panels and ax is axes[0]))
    if not panels:
        say_empty(axes[0], "no size of a send has completed runs both with and without zerocopy")
    if found.warning:
        figure.suptitle(textwrap.fill(found.warning, _WARNING_CHARACTERS), fontsize=9.5, color="#b00020")
    return figure


def _draw_quantity(ax: Axes, one: CrossoverQuantity, name: str, table: pd.DataFrame) -> None:
    unit, scale = _UNITS[name.rpartition("_")[2]]
    for side, color, marker in _SIDES:
        own = table.dropna(subset=[side])
        if own.empty:
            continue
        middle, low, high = (own[f"{side}{end}"].fillna(own[side]).to_numpy() / scale for end in ("", "_low", "_high"))
        count = own[f"{side}_run_count"]
        label = (
            f"{side}, n = {count.min()} per size"
            if count.nunique() == 1
            else f"{side}, n = {count.min()} to {count.max()}"
        )
        ax.errorbar(
            own["send_bytes"],
            middle,
            yerr=[middle - low, high - middle],
            color=color,
            marker=marker,
            markersize=4,
            capsize=3,
            label=label,
        )
    ax.set_xscale("log", base=2)
    ticks = table["send_bytes"].to_list()
    ax.set_xticks(ticks, [format_bytes(size) for size in ticks], fontsize=7, rotation=45)
    ax.minorticks_off()
    ax.set_xlabel("size of a send (logarithmic)", fontsize=9)
    ax.set_ylabel(f"{unit} (logarithmic)" if name.endswith("_ns") else unit, fontsize=9)
    if name.endswith("_ns"):
        ax.set_yscale("log")  # a small send takes a thousandth of the time of a large one
    else:
        ax.set_ylim(bottom=0)
    ax.legend(frameon=False, fontsize=8)
