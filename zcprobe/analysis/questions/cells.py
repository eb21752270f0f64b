# SPDX-License-Identifier: GPL-2.0-only
"""The cells of a question: the runs among many that were made with a cell's options."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from zcprobe.analysis.alike import AMOUNT
from zcprobe.analysis.validity import reasons_of
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import differing
from zcprobe.dataset.run import Run
from zcprobe.format.campaign import PointValue
from zcprobe.units import parse_bytes

__all__ = ["LEAST_RUNS", "Cell", "Needs", "Trial", "fill_cell"]

Needs = Literal["counts", "records", "events"]
"""What a run must have recorded: nothing but counts, what the sender did, or also each event of the probes."""

LEAST_RUNS = 3
"""Runs of a cell, below which nothing is concluded from it: the interval of a mean of two says next to nothing."""


class Trial(msgspec.Struct, frozen=True):
    """A run and the block in which it was made."""

    block: int
    run: Run


class Cell(msgspec.Struct, frozen=True):
    """Runs that were made alike, and can be relied on. `left_out`: why others cannot, with the number of runs. `made`:
    all of them."""

    label: str
    trials: list[Trial]
    left_out: dict[str, int]
    made: list[Run]

    @property
    def runs(self) -> list[Run]:
        return [trial.run for trial in self.trials]

    @property
    def by_block(self) -> dict[int, Run]:
        return {trial.block: trial.run for trial in self.trials}

    @property
    def what_is_missing(self) -> str | None:
        """Why nothing can be concluded from the cell; None if something can."""
        if len(self.trials) >= LEAST_RUNS:
            return None
        why = ", ".join(f"{count} left out: {text}" for text, count in self.left_out.items())
        count = "1 valid run" if len(self.trials) == 1 else f"{len(self.trials)} valid runs"
        return f"{count} of the {LEAST_RUNS} that are needed{f' ({why})' if why else ''}"

    def values(self, value: Callable[[Run], float | None]) -> list[float]:
        """The value of each run that has one."""
        return [found for found in map(value, self.runs) if found is not None]


_READ: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "policy": ("policy", str),
    "scenario": ("scenario", str),
    "length": ("send_bytes", parse_bytes),
    "optmem-max": ("optmem_max_bytes", parse_bytes),
    "channels": ("channels", int),
    "traffic": ("traffic_model", str),
    "dirty-rate": ("traffic_dirty_bytes_per_s", lambda text: parse_bytes(str(text))),
    "wait-for": ("wait_for", str),
}
"""Option of a plan -> that of a run, and how its value is read."""

_PARAMETER = "set."
_OF_AMOUNT = ("count", "guest", "deadline", "downtime")
"""Options of a plan that say how much is sent, or for how long at most. Runs of any amount belong to the cell."""

_WITH_EVENTS = ("timeline", "full")

_USUAL = {
    "channels": 1,
    "traffic_model": "stream",
    "wait_for": "error",
    "protocol": "tcp",
    "zerocopy": True,
    "to": None,
}


def _wanted(options: Mapping[str, PointValue]) -> dict[str, Any]:
    """Option of a run -> the value that a run of the cell has."""
    found: dict[str, Any] = dict(_USUAL)
    for name, value in options.items():
        if name.startswith(_PARAMETER):
            found[f"parameters_{name.removeprefix(_PARAMETER)}"] = value
        elif name not in _OF_AMOUNT:
            own, read = _READ[name]
            found[own] = read(value)
    return found


def fill_cell(
    label: str, options: Mapping[str, PointValue], trials: list[Trial], needs: Needs = "counts", *, is_about_speed: bool
) -> Cell:
    """The cell with those of the runs that were made with its options. If they differ in any other option that matters,
    none of them counts."""
    wanted = _wanted(options)
    own = [trial for trial in trials if wanted.items() <= trial.run.options.items()]
    found = differing([trial.run for trial in own], AMOUNT)
    unlike = [f"not made alike, {describe_values(name, values)}" for name, values in found.items()]
    why = [list(dict.fromkeys([*unlike, *_reasons(trial.run, needs, is_about_speed)])) for trial in own]
    kept = [trial for trial, reasons in zip(own, why, strict=True) if not reasons]
    left_out = dict(Counter(text for reasons in why for text in reasons))
    return Cell(label, kept, left_out, [trial.run for trial in own])


def _reasons(run: Run, needs: Needs, is_about_speed: bool) -> Iterator[str]:
    """Why the run does not count. Load makes a run slow, but changes neither outcomes nor causes."""
    yield from (reason.text for reason in reasons_of(run.meta) if is_about_speed or reason.id != "load")
    config = run.meta.config
    if (needs != "counts" and not config.record) or (needs == "events" and config.probe_level not in _WITH_EVENTS):
        yield "only counts recorded"
