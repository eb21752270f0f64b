# SPDX-License-Identifier: GPL-2.0-only
"""The report of a comparison or of any runs: one self-contained HTML file."""

from base64 import b64encode
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import msgspec
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from zcprobe.analysis.comparisons import claims_of, group_titles
from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.load import Comparison
from zcprobe.dataset.memory import kept_in_memory
from zcprobe.format.claims import Stamp
from zcprobe.format.comparison import COMPARISON_FILE, ComparisonMetadata
from zcprobe.plots.canvas import figure_bytes
from zcprobe.plots.captions import captions
from zcprobe.plots.comparison import draw_comparison, save_comparison_figures
from zcprobe.report.content import (
    ClaimRow,
    PolicyRow,
    RunRow,
    claim_rows,
    policy_rows,
    relative_href,
    run_rows,
    shown_runs,
    verdict_of,
    warnings_of,
)
from zcprobe.report.diagnosis import DiagnosedRun, diagnosed_runs
from zcprobe.report.method import copied_statement, method_rows
from zcprobe.report.numbers import NumberTable, number_table, summary_table

__all__ = ["FIGURE_TITLES", "render_report", "write_report"]

FIGURE_TITLES = {
    "with_and_without_the_fix": "What filled optmem, and when the send failed",
    "enobufs": "What held optmem at each ENOBUFS",
    "sendmsg_results": "What sendmsg returned",
    "stall_latency": "What the flush cost",
    "goodput": "Goodput under pressure",
    "late_completions": "Who held the data last",
    "round_trips": "How long a round trip took",
}

_FIGURE_TABLES = {
    "with_and_without_the_fix": ("kernel_events", "meminfo", "flushes"),
    "enobufs": ("kernel_events",),
    "sendmsg_results": ("sends",),
    "stall_latency": ("stalls",),
    "goodput": (),
    "late_completions": ("kernel_events",),
    "round_trips": ("tcp_info",),
}
"""Figure -> the tables of a run that it is drawn from, in addition to run.json."""

_OF_SHOWN_RUNS = ("with_and_without_the_fix", "enobufs", "round_trips")
_LARGEST_SVG_BYTES = 500_000


class Link(msgspec.Struct, frozen=True):
    """A link of the report; `href` is relative to the report."""

    href: str
    text: str


class EmbeddedFigure(msgspec.Struct, frozen=True):
    """A figure and its numbers. `numbers` has the anchor `data_anchor`. `source` is None when the figure was not
    drawn."""

    name: str
    title: str
    caption: str
    source: str | None
    links: list[Link]
    wide: bool
    data_anchor: str
    numbers: NumberTable


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What the report says about one comparison. `anchor` begins the names of its anchors, and `title` says what
    distinguishes it from the other parts. `planned` is true when there is a comparison.json."""

    anchor: str
    title: str
    warnings: list[str]
    comparison_href: str
    planned: bool
    meta: ComparisonMetadata
    verdict: list[str]
    stamp: Stamp
    reference: str
    claims: list[ClaimRow]
    policies: list[PolicyRow]
    diagnosed: list[DiagnosedRun]
    runs: list[RunRow]
    figures: list[EmbeddedFigure]
    method: list[tuple[str, str]]
    copied_statement: str
    summaries: NumberTable


def write_report(comparison: Comparison) -> Path:
    """Draws the figures, writes `report.html` into the comparison's folder and returns its path.

    The file refers only to files below its own folder, all by relative links, so it may move with the folder.
    """
    path = comparison.folder / "report.html"
    path.write_text(render_report([comparison], path.parent, comparison.folder / "figures"), encoding="utf-8")
    return path


def render_report(
    comparisons: list[Comparison],
    base: Path,
    figure_folder: Path | None = None,
    *,
    most_drawn: int | None = None,
    step: Callable[[], None] = lambda: None,
) -> str:
    """The HTML of a report that will lie in the folder `base`: links to the runs' files are relative to it.

    When `figure_folder` is given, the figures of a single comparison are kept there and linked to. Drawing takes most
    of the time, so only the first `most_drawn` parts have figures and a diagnosis; None means all. `step` is called
    after each part.
    """
    parts = []
    titles = group_titles(comparisons)
    for number, (comparison, title) in enumerate(zip(comparisons, titles, strict=True), 1):
        anchor = f"part{number}-" if len(comparisons) > 1 else ""
        with kept_in_memory(comparison.runs):
            is_drawn = most_drawn is None or number <= most_drawn
            sources = _sources(draw_comparison(comparison), figure_folder) if is_drawn else {}
            figures = _figures(comparison, anchor, sources, base, figure_folder)
            diagnosed = diagnosed_runs(comparison) if is_drawn else []
            parts.append(_part(comparison, title, anchor, figures, diagnosed, base))
        step()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("zcprobe.report").joinpath("template.html.j2").read_text("utf-8"))
    return template.render(parts=parts)


def _part(
    comparison: Comparison,
    title: str,
    anchor: str,
    figures: list[EmbeddedFigure],
    diagnosed: list[DiagnosedRun],
    base: Path,
) -> Part:
    claims = claims_of(comparison)
    return Part(
        anchor=anchor,
        title=title,
        warnings=warnings_of(comparison),
        comparison_href=relative_href(comparison.folder / COMPARISON_FILE, base),
        planned=comparison.meta.seed is not None,
        meta=comparison.meta,
        verdict=verdict_of(comparison),
        stamp=stamp_of(comparison.runs),
        reference=claims[0].reference if claims else "",
        claims=claim_rows(claims),
        policies=policy_rows(comparison),
        diagnosed=diagnosed,
        runs=run_rows(comparison, base),
        figures=figures,
        method=method_rows(comparison),
        copied_statement=copied_statement(comparison.runs),
        summaries=summary_table(comparison.runs),
    )


def _figures(
    comparison: Comparison, anchor: str, sources: dict[str, str], base: Path, figure_folder: Path | None
) -> list[EmbeddedFigure]:
    """The figures of one part. `sources` has the pictures; a figure without a picture has only its numbers."""
    texts = captions(comparison)
    return [
        EmbeddedFigure(
            name=anchor + name,
            title=title,
            caption=texts[name],
            source=sources.get(name),
            links=(_file_links(figure_folder, name, base) if figure_folder and name in sources else [])
            + _data_links(comparison, name, anchor, base),
            wide=name in _OF_SHOWN_RUNS,
            data_anchor=f"{anchor}data-{name}",
            numbers=number_table(name, comparison),
        )
        for name, title in FIGURE_TITLES.items()
    ]


def _sources(drawn: dict[str, Figure], figure_folder: Path | None) -> dict[str, str]:
    """Figure -> its picture as a data: URL, which keeps the ids of different SVG figures apart. Without `figure_folder`
    no file is written, not even a temporary one, because a killed command would leave it behind."""
    if figure_folder is None:
        return {name: _source("svg+xml", figure_bytes(figure, name, "svg")) for name, figure in drawn.items()}
    save_comparison_figures(drawn, figure_folder)
    return {name: _kept_source(figure_folder, name) for name in drawn}


def _kept_source(folder: Path, name: str) -> str:
    """The picture as SVG when that file is small, else as PNG."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    if svg.stat().st_size <= _LARGEST_SVG_BYTES:
        return _source("svg+xml", svg.read_bytes())
    return _source("png", png.read_bytes())


def _source(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"


def _file_links(folder: Path, name: str, base: Path) -> list[Link]:
    return [Link(relative_href(folder / f"{name}.{suffix}", base), suffix.upper()) for suffix in ("png", "svg")]


def _data_links(comparison: Comparison, name: str, anchor: str, base: Path) -> list[Link]:
    """Links to the numbers below the figure and to the tables that it is drawn from. A figure over all runs links to
    the list of runs instead, which has the tables."""
    numbers = Link(f"#{anchor}data-{name}", "numbers")
    if name not in _OF_SHOWN_RUNS:
        return [numbers, Link(f"#{anchor}runs", f"data: {' and '.join(_data_files(name))} of every run")]
    return [numbers] + [
        Link(relative_href(run.folder / table, base), f"{run.policy} {table}")
        for run in shown_runs(comparison)
        for table in _data_files(name)[1:]
        if (run.folder / table).exists()
    ]


def _data_files(name: str) -> list[str]:
    return ["run.json", *(f"{table}.parquet" for table in _FIGURE_TABLES[name])]
