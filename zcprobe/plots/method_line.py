"""The small print of a figure: scenario, sends, limit, repeats, kernel."""

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence

from zcprobe.dataset.load import Run
from zcprobe.units import format_bytes

__all__ = ["method_line", "repeats_text"]

_MOST_NAMED = 3


def method_line(runs: Sequence[Run], width: int = 120) -> str:
    """One or two lines of at most `width` characters; what differs between the runs is named, or counted."""
    parts = [
        _named(runs, lambda run: run.scenario, "scenarios"),
        "sends of " + _named(runs, lambda run: format_bytes(run.send_bytes), "sizes"),
        "optmem_max " + _named(runs, lambda run: format_bytes(run.summary["optmem_max_bytes"]), "limits"),
        repeats_text(runs),
        "Linux " + _named(runs, lambda run: str(run.meta["host"]["kernel_release"]), "kernels"),
        "zcprobe " + _named(runs, lambda run: str(run.meta.get("zcprobe_version", "?")), "versions"),
    ]
    channels = _named(runs, lambda run: str(run.meta["config"]["channels"]), "numbers")
    if channels != "1":
        parts.insert(2, f"channels: {channels}")
    return textwrap.fill("; ".join(parts), width)


def _named(runs: Sequence[Run], value: Callable[[Run], str], plural: str) -> str:
    found = list(dict.fromkeys(value(run) for run in runs))
    return ", ".join(found) if len(found) <= _MOST_NAMED else f"{len(found)} {plural}"


def repeats_text(runs: Sequence[Run]) -> str:
    """`n = 5 per policy`; how many of each when they differ."""
    counts = Counter(run.policy for run in runs)
    if not counts:
        return "no runs"
    if len(counts) == 1:
        policy, count = next(iter(counts.items()))
        return f"{policy}, n = {count}"
    if len(set(counts.values())) == 1:
        return f"n = {next(iter(counts.values()))} per policy"
    return ", ".join(f"{policy}: n = {count}" for policy, count in counts.items())
