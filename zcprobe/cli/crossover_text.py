# SPDX-License-Identifier: GPL-2.0-only
"""A crossover in text: a table for each quantity, below a sentence that says from which size zerocopy is better."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.table import Table

from zcprobe.analysis.crossover_quantities import CROSSOVER_QUANTITIES, Crossed, CrossoverQuantity
from zcprobe.cli.console import StdoutConsole
from zcprobe.format.intervals import CONFIDENCE_TEXT, interval_text
from zcprobe.units import format_bytes

__all__ = ["print_crossover"]


def print_crossover(found: Crossed) -> None:
    for table in _tables(found):
        StdoutConsole().print(table)
    if found.warning:
        print(f"warning: {found.warning}")


def _tables(found: Crossed) -> Iterator[Table]:
    """Medians over runs with their intervals, and their ratio, for each size; quantities without a value have none."""
    texts = {point.quantity: point.text for point in found.points}
    for one in CROSSOVER_QUANTITIES:
        for name, words in one.words.items():
            rows = found.table[found.table["quantity"] == name].to_dict("records")
            if rows:
                yield _table(words + (f": {texts[name]}" if name in texts else ""), one, rows)


def _table(title: str, one: CrossoverQuantity, rows: list[dict[Any, Any]]) -> Table:
    table = Table("size", "zerocopy", "copy", f"zerocopy / copy, {CONFIDENCE_TEXT}", "n", title=title)
    for row in rows:
        table.add_row(
            format_bytes(row["send_bytes"]),
            *(_interval(row, (side, f"{side}_low", f"{side}_high"), one.show) for side in ("zerocopy", "copy")),
            _interval(row, ("ratio", "low", "high"), "{:.3g}".format),
            f"{row['zerocopy_run_count']} + {row['copy_run_count']}",
        )
    return table


def _interval(row: dict[Any, Any], names: tuple[str, str, str], show: Callable[[float], str]) -> str:
    """The value and the ends of its interval, which have these names; NaN is none."""
    value, low, high = (row[name] if row[name] == row[name] else None for name in names)
    return interval_text(value, low, high, show)
