# SPDX-License-Identifier: GPL-2.0-only
"""The small print of a figure: the stamp, scenario, unusual options, repeats, kernel and version."""

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence

from zcprobe.analysis.validity import stamp_of
from zcprobe.dataset.integrity import DAMAGED
from zcprobe.dataset.load import Run
from zcprobe.dataset.option_words import describe_option
from zcprobe.dataset.options import unusual_options, way_of

__all__ = ["method_line", "method_text", "repeats_text"]

_MOST_NAMED = 3
_NO_BREAK = "\N{NO-BREAK SPACE}"


def method_line(runs: Sequence[Run], width: int = 120) -> str:
    """A few lines of at most `width` characters: the stamp VALID or INVALID, then `method_text`. No line ends within
    `n = 5`."""
    text = f"{stamp_of(runs).text}; {method_text(runs)}"
    return textwrap.fill(text.replace(" = ", f"{_NO_BREAK}={_NO_BREAK}"), width).replace(_NO_BREAK, " ")


def method_text(runs: Sequence[Run]) -> str:
    """How the runs were made, with every unusual option. Values that differ between the runs are all named, or only
    counted when there are many. Of attachments it says that they were watched."""
    made = _options(runs) if all(run.meta.sender for run in runs) else ["watched, not made by zcprobe"]
    parts = [
        *made,
        "Linux " + _named(runs, lambda run: run.meta.host.kernel_release, "kernels"),
        "zcprobe " + _named(runs, lambda run: run.meta.zcprobe_version, "versions"),
        *_damage(runs),
    ]
    return "; ".join(parts)


def _options(runs: Sequence[Run]) -> list[str]:
    unusual = [unusual_options(run.meta) for run in runs]
    names = dict.fromkeys(name for options in unusual for name in options)
    scenarios = _named(runs, lambda run: run.scenario, "scenarios")
    return [scenarios, *(_option(runs, name) for name in names), repeats_text(runs)]


def _damage(runs: Sequence[Run]) -> list[str]:
    """Says how many runs have files that somebody changed; empty when none has."""
    damaged = sum(bool(run.damage) for run in runs)
    return [f"files {DAMAGED} in {damaged} of {len(runs)} runs"] if damaged else []


def _option(runs: Sequence[Run], name: str) -> str:
    """The values of an option. A parameter of policies is named only for runs that have it."""
    values = [run.options[name] for run in runs]
    told = list(dict.fromkeys(describe_option(name, value) for value in values if value is not None))
    if len(told) <= _MOST_NAMED:
        return " or ".join(told)
    if all(way_of(run)[name] is None for run in runs):
        return f"{name.removesuffix('_bps').replace('_', ' ')} calibrated for each run"
    return f"{len(told)} values of {name.replace('_', ' ')}"


def _named(runs: Sequence[Run], value: Callable[[Run], str], plural: str) -> str:
    found = list(dict.fromkeys(value(run) for run in runs))
    return ", ".join(found) if len(found) <= _MOST_NAMED else f"{len(found)} {plural}"


def repeats_text(runs: Sequence[Run]) -> str:
    """`n = 5 per policy`, or the number of each policy when the numbers differ."""
    counts = Counter(run.policy for run in runs)
    if not counts:
        return "no runs"
    if len(counts) == 1:
        policy, count = next(iter(counts.items()))
        return f"{policy}, n = {count}"
    if len(set(counts.values())) == 1:
        return f"n = {next(iter(counts.values()))} per policy"
    return ", ".join(f"{policy}: n = {count}" for policy, count in counts.items())
