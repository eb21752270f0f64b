"""The report of a comparison: figures/ and one self-contained HTML file."""

from base64 import b64encode
from importlib.resources import files
from pathlib import Path

import msgspec
from jinja2 import Environment, StrictUndefined

from zcprobe.dataset.load import Comparison
from zcprobe.plots.captions import captions
from zcprobe.plots.comparison import draw_comparison, save_comparison_figures
from zcprobe.report.content import policy_rows, run_rows, shown_runs, verdict_of
from zcprobe.report.method import copied_statement, method_rows

__all__ = ["FIGURE_TITLES", "write_report"]

FIGURE_TITLES = {
    "with_and_without_the_fix": "What filled optmem, and when the send failed",
    "enobufs": "What held optmem at each ENOBUFS",
    "sendmsg_results": "What sendmsg returned",
    "stall_latency": "What the flush cost",
    "goodput": "Goodput under pressure",
    "late_completions": "Who held the data last",
}

_FIGURE_TABLES = {
    "with_and_without_the_fix": ("kernel_events", "meminfo", "flushes"),
    "enobufs": ("kernel_events",),
    "sendmsg_results": ("sends",),
    "stall_latency": ("stalls",),
    "goodput": (),
    "late_completions": ("kernel_events",),
}
"""The tables of a run, beside run.json, that a figure is drawn from."""

_OF_SHOWN_RUNS = ("with_and_without_the_fix", "enobufs")
_LARGEST_SVG_BYTES = 500_000


class Link(msgspec.Struct, frozen=True):
    """`href` is relative to the report."""

    href: str
    text: str


class EmbeddedFigure(msgspec.Struct, frozen=True):
    name: str
    title: str
    caption: str
    source: str
    links: list[Link]
    wide: bool


def write_report(comparison: Comparison) -> Path:
    """Draws the figures, writes `report.html` into the comparison's folder and returns its path.

    The file refers to nothing but files below its own folder, all by relative links, so it may move with the folder.
    """
    folder = comparison.folder / "figures"
    save_comparison_figures(draw_comparison(comparison), folder)
    texts = captions(comparison)
    figures = [_embed(comparison, name, title, texts[name], folder) for name, title in FIGURE_TITLES.items()]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(files("zcprobe.report").joinpath("template.html.j2").read_text("utf-8"))
    path = comparison.folder / "report.html"
    text = template.render(
        meta=comparison.meta,
        verdict=verdict_of(comparison),
        policies=policy_rows(comparison),
        runs=run_rows(comparison),
        figures=figures,
        method=method_rows(comparison),
        copied_statement=copied_statement(comparison.runs),
    )
    path.write_text(text, encoding="utf-8")
    return path


def _embed(comparison: Comparison, name: str, title: str, caption: str, folder: Path) -> EmbeddedFigure:
    """As SVG while that is small, else as PNG; data: images keep one figure's ids apart from another's."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    path, kind = (svg, "svg+xml") if svg.stat().st_size <= _LARGEST_SVG_BYTES else (png, "png")
    return EmbeddedFigure(
        name=name,
        title=title,
        caption=caption,
        source=f"data:image/{kind};base64,{b64encode(path.read_bytes()).decode('ascii')}",
        links=[Link(f"figures/{name}.{suffix}", suffix.upper()) for suffix in ("png", "svg")]
        + _data_links(comparison, name),
        wide=name in _OF_SHOWN_RUNS,
    )


def _data_links(comparison: Comparison, name: str) -> list[Link]:
    """To the tables of the runs shown; figures over all runs have theirs in the list of runs."""
    if name not in _OF_SHOWN_RUNS:
        return [Link("#runs", f"data: {' and '.join(['run.json', *_table_files(name)])} of every run")]
    return [
        Link(f"{run.folder.name}/{table}", f"{run.policy} {table}")
        for run in shown_runs(comparison)
        for table in _table_files(name)
        if (run.folder / table).exists()
    ]


def _table_files(name: str) -> list[str]:
    return [f"{table}.parquet" for table in _FIGURE_TABLES[name]]
