# SPDX-License-Identifier: GPL-2.0-only
"""Carries out a plan on this host, into a store."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.run import CompletedRun, record_run
from zcprobe.campaign.plan import PlannedRun
from zcprobe.campaign.store import Store
from zcprobe.errors import OutputError
from zcprobe.interrupt import Interruption

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["execute"]


def execute(
    plan: list[PlannedRun],
    benchmarks: Mapping[str, Benchmark],
    store: Store,
    probes: "ProbeSession | None",
    interruption: Interruption,
    on_run: Callable[[PlannedRun, CompletedRun], None],
) -> None:
    """Makes the runs in their order. `benchmarks`: policy -> the benchmark of its runs. If interrupted, it returns
    after the run in progress, or without that run if there was nothing to keep yet."""
    for planned in plan:
        try:
            keep = partial(store.add, planned)
            done = record_run(benchmarks[planned.policy], store.directory, probes, interruption, on_kept=keep)
        except KeyboardInterrupt:
            # the first request came before the sender ran, so only earlier runs are kept
            if interruption.requests > 1:
                raise
            return
        except OutputError:
            store.leave_unnamed()
            raise
        on_run(planned, done)
        if interruption.signal_number:
            return
