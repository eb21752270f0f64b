# SPDX-License-Identifier: GPL-2.0-only
"""How long runs will take: assumed before the first one, then learnt from those that were made."""

from collections.abc import Iterable, Mapping

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.lab.calibration import CALIBRATION_S

__all__ = ["ASSUMED_GOODPUT_BPS", "Clock", "assumed_s"]

ASSUMED_GOODPUT_BPS = 5e9
"""Goodput of the unimpaired path before one was measured: half of what two busy CPUs of a virtual machine reach."""

_AROUND_S = 0.6
"""What a run takes beside its sends: two processes, a lab, tables. Measured on two busy CPUs: 0.2 to 0.8 s, and 2 s
more where the run before it needed other probes."""


def assumed_s(benchmark: Benchmark) -> float:
    """Seconds that a run of it takes, from its traffic and the slowest rate of its scenario; at most until its
    deadline."""
    config, scenario = benchmark.with_default_count().config, benchmark.scenario
    around_s = _AROUND_S + (CALIBRATION_S if benchmark.is_calibrated else 0.0)
    if config.duration_s is not None:
        return around_s + config.duration_s
    shares = [share for share in msgspec.structs.astuple(scenario.shares) if share is not None]
    rate_bps = ASSUMED_GOODPUT_BPS * min(shares, default=1.0)
    if config.socket.pacing_bps is not None:
        rate_bps = min(rate_bps, config.socket.pacing_bps * config.channels)
    return around_s + min(config.total_bytes * 8 / rate_bps, config.limit_s)


class Clock:
    """The time that runs of each point take. `assumed`: key -> seconds before one was made.

    A point of which runs were made takes as long as their mean; any other takes what was assumed, times the factor by
    which the known points differ from that.
    """

    def __init__(self, assumed: Mapping[str, float]) -> None:
        self._assumed = dict(assumed)
        self._total: dict[str, tuple[float, int]] = {}
        self._factor: float | None = 1.0

    def learn(self, key: str, took_s: float) -> None:
        total, count = self._total.get(key, (0.0, 0))
        self._total[key] = total + took_s, count + 1
        self._factor = None  # found when somebody asks: a plan may have thousands of points, and each asks for it

    def expected_s(self, key: str) -> float:
        if key in self._total:
            total, count = self._total[key]
            return total / count
        if self._factor is None:
            self._factor = self._found_factor()
        return self._assumed[key] * self._factor

    def sum_s(self, keys: Iterable[str]) -> float:
        return sum(self.expected_s(key) for key in keys)

    def _found_factor(self) -> float:
        known = [(total / count, self._assumed[key]) for key, (total, count) in self._total.items()]
        return sum(took for took, _ in known) / sum(assumed for _, assumed in known)
