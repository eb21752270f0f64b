# SPDX-License-Identifier: GPL-2.0-only
"""Everything that zcprobe makes of a run, as text."""

import inspect
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from zcprobe import plots
from zcprobe.analysis.comparisons import as_comparison
from zcprobe.dataset.load import Run, RunCollection
from zcprobe.export.openmetrics import write_openmetrics
from zcprobe.export.summary import summary_line, summary_rows
from zcprobe.export.tables import table_rows
from zcprobe.export.text import write_csv, write_jsonl
from zcprobe.export.trace import write_trace
from zcprobe.format.tables import TABLES
from zcprobe.plots.canvas import new_figure
from zcprobe.report.html import render_report

__all__ = ["iterate_figures", "iterate_texts"]


def _written(write: Callable[[BinaryIO], object]) -> str:
    file = io.BytesIO()
    write(file)
    return file.getvalue().decode()


def iterate_texts(run: Run) -> Iterator[tuple[str, str]]:
    """Name and text of everything that can be written: every export, a report without figures, notebook output, SQL."""
    runs = [run]
    collection = RunCollection(runs)
    yield "repr", repr(run) + repr(collection) + run._repr_html_() + collection._repr_html_()
    yield "line", summary_line(run)
    yield "summary as CSV", _written(lambda file: write_csv(summary_rows(runs), file))
    yield "summary as JSON Lines", _written(lambda file: write_jsonl(summary_rows(runs), file))
    for table in filter(run.has, TABLES):
        yield f"{table} as CSV", _written(lambda file, name=table: write_csv(table_rows(runs, name), file))  # type: ignore[misc]
        collection.query(f"select * from {table} join runs using (run)") if run.is_recorded(table) else None
    yield "OpenMetrics", _written(lambda file: write_openmetrics(runs, file))
    yield "trace", _written(lambda file: write_trace(runs, file))
    yield "report", render_report([as_comparison(run)], Path(), most_drawn=0)
    yield "stacks", str(run.stacks)


def iterate_figures(run: Run) -> Iterator[tuple[str, str]]:
    """Every figure of one run or of several as SVG, and a report with the figures of a comparison."""
    for name in filter(lambda name: name.startswith("plot_"), dir(plots)):
        plot = getattr(plots, name)
        first = next(iter(inspect.signature(plot).parameters))
        if first in ("run", "runs"):
            figure = new_figure(8, 4.5)
            plot([run] if first == "runs" else run, ax=figure.add_subplot())
            yield name, _svg(figure)
    yield "overview", _svg(plots.draw_overview(run))
    yield "report with figures", render_report([as_comparison(run)], Path())


def _svg(figure: Any) -> str:
    return _written(lambda file: figure.savefig(file, format="svg"))
