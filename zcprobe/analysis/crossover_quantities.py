# SPDX-License-Identifier: GPL-2.0-only
"""Zerocopy against copying by the size of a send: goodput, CPU time, latencies, and from which size each is better."""

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
import pandas as pd

from zcprobe.analysis.completion_latency import iterate_completion_latency
from zcprobe.analysis.crossover import ratio_interval, runs_by_size
from zcprobe.analysis.crossover_point import CrossoverPoint, crossover_point
from zcprobe.analysis.policies import estimate_median
from zcprobe.analysis.quantities import COMPARED
from zcprobe.analysis.timebase import empty_frame
from zcprobe.dataset.load import Run
from zcprobe.units import format_duration_ns, format_rate_bps

__all__ = [
    "CROSSOVER_QUANTITIES",
    "Crossed",
    "CrossoverQuantity",
    "crossed",
]

_DTYPES = {
    "quantity": "object",
    "send_bytes": "int64",
    "zerocopy_run_count": "int64",
    "zerocopy": "float64",
    "zerocopy_low": "float64",
    "zerocopy_high": "float64",
    "copy_run_count": "int64",
    "copy": "float64",
    "copy_low": "float64",
    "copy_high": "float64",
    "ratio": "float64",
    "low": "float64",
    "high": "float64",
}


class CrossoverQuantity(msgspec.Struct, frozen=True, kw_only=True):
    """`values`: of one run, as they are named in the table, in the unit of `show`; None for a value that the run does
    not have."""

    words: dict[str, str]
    more_is_better: bool = False
    show: Callable[[float], str]
    values: Callable[[Run], dict[str, float | None]]


def _compared(name: str) -> Callable[[Run], dict[str, float | None]]:
    return lambda run: {name: COMPARED[name].value(run)}


def _quantiles(name: str, latencies_ns: Iterable[np.ndarray]) -> dict[str, float | None]:
    values = np.concatenate([np.empty(0), *latencies_ns])
    p50, p99 = np.quantile(values, [0.5, 0.99]) if len(values) else (None, None)
    return {f"{name}_p50_ns": p50, f"{name}_p99_ns": p99}


def _send_latency(run: Run) -> dict[str, float | None]:
    """Of the calls that took bytes, with the waits of the policy."""
    parts = run.iterate("sends", ["latency_ns", "taken_bytes"])
    return _quantiles("send", (part.loc[part["taken_bytes"] > 0, "latency_ns"].to_numpy() for part in parts))


def _completion_latency(run: Run) -> dict[str, float | None]:
    parts = iterate_completion_latency(run)
    return _quantiles("completion", (part["latency_ns"].dropna().to_numpy() for part in parts))


def _cpu_text(seconds: float) -> str:
    return f"{seconds:.3g} s/GB"


CROSSOVER_QUANTITIES = (
    CrossoverQuantity(
        words={"goodput_bps": "goodput"},
        more_is_better=True,
        show=format_rate_bps,
        values=_compared("goodput_bps"),
    ),
    CrossoverQuantity(
        words={"cpu_s_per_gb": "CPU time of the sender per gigabyte"}, show=_cpu_text, values=_compared("cpu_s_per_gb")
    ),
    CrossoverQuantity(
        words={"send_p50_ns": "time of a send call, p50", "send_p99_ns": "time of a send call, p99"},
        show=format_duration_ns,
        values=_send_latency,
    ),
    CrossoverQuantity(
        words={
            "completion_p50_ns": "from a send to its notification, p50",
            "completion_p99_ns": "from a send to its notification, p99",
        },
        show=format_duration_ns,
        values=_completion_latency,
    ),
)


class Crossed(msgspec.Struct, frozen=True, kw_only=True):
    """`points`: a crossover for each quantity that both sides have. `copied_share`: of the completions of runs with
    zerocopy, as their notifications said; None without a completion.

    `table` has one row per quantity and size of a send that has completed runs with and without zerocopy. Columns:
    quantity (str, a name in `CROSSOVER_QUANTITIES`); send_bytes (int64); zerocopy_run_count, copy_run_count (int64,
    runs that have the quantity); zerocopy, copy (float64, medians over runs); zerocopy_low, zerocopy_high, copy_low,
    copy_high (float64, their 95 % intervals); ratio, low, high (float64, zerocopy to copy, as in `df_crossover`). NaN
    where there are too few runs; only zerocopy has completions."""

    table: pd.DataFrame
    points: list[CrossoverPoint]
    copied_share: float | None

    @property
    def warning(self) -> str | None:
        if not self.copied_share:
            return None
        if self.copied_share < 1:
            return f"{100 * self.copied_share:.2g} % of all completions were copied: zerocopy saves less than it could"
        return (
            "every completion was copied, because this path copies what was sent with MSG_ZEROCOPY, as loopback and"
            " veth do: this shows what zerocopy costs, not what it saves; two network cards show that (--nics, --to)"
        )


def crossed(runs: Sequence[Run]) -> Crossed:
    """All about the runs that were made in both ways. UsageError as for `df_crossover`."""
    by_size = runs_by_size(runs)
    values = {key: _values(own) for key, own in by_size.items()}
    return Crossed(
        table=_table(values),
        points=[point for one in CROSSOVER_QUANTITIES for point in _points(one, values)],
        copied_share=_copied_share([run for (_, zerocopy), own in by_size.items() if zerocopy for run in own]),
    )


def _copied_share(runs: Sequence[Run]) -> float | None:
    count = sum(run.sender.completions for run in runs)
    return sum(run.sender.copied_completions for run in runs) / count if count else None


_Values = dict[str, list[float]]
"""Name of a quantity -> the values of runs."""


def _values(runs: Sequence[Run]) -> _Values:
    found: _Values = {name: [] for one in CROSSOVER_QUANTITIES for name in one.words}
    for run in runs:
        for one in CROSSOVER_QUANTITIES:
            for name, value in one.values(run).items():
                if value:  # a ratio to 0 has no meaning; the CPU time of a short run can be 0
                    found[name].append(float(value))
    return found


def _table(values: dict[tuple[int, bool], _Values]) -> pd.DataFrame:
    sizes = sorted({size for size, _ in values})
    rows = [
        _row(name, size, values[size, True][name], values[size, False][name])
        for one in CROSSOVER_QUANTITIES
        for name in one.words
        for size in sizes
        if values[size, True][name]
    ]
    if not rows:
        return empty_frame(_DTYPES)
    return pd.DataFrame(rows, columns=list(_DTYPES)).astype(_DTYPES)


def _row(name: str, size: int, zerocopy: list[float], copy: list[float]) -> dict[str, object]:
    row: dict[str, object] = {"quantity": name, "send_bytes": size}
    for side, own in (("zerocopy", zerocopy), ("copy", copy)):
        found = estimate_median(own)
        row |= {f"{side}_run_count": found.n, side: found.median}
        row |= {f"{side}_low": found.low, f"{side}_high": found.high}
    return row | (ratio_interval(zerocopy, copy) if copy else {})


def _points(one: CrossoverQuantity, values: dict[tuple[int, bool], _Values]) -> Iterable[CrossoverPoint]:
    sizes = sorted({size for size, _ in values})
    for name in one.words:
        by_size = {size: (values[size, True][name], values[size, False][name]) for size in sizes}
        if by_size and all(min(own, default=0) > 0 for sides in by_size.values() for own in sides):
            yield crossover_point(name, by_size, more_is_better=one.more_is_better)
