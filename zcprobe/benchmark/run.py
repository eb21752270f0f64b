# SPDX-License-Identifier: GPL-2.0-only
"""One benchmark, from its configuration to its complete run folder."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.benchmark.defaults import Benchmark
from zcprobe.benchmark.intervals import Intervals
from zcprobe.benchmark.prepare import prepared
from zcprobe.benchmark.processes import Processes, processes
from zcprobe.directory import Directory
from zcprobe.format.metadata import RunMetadata
from zcprobe.interrupt import Interruption
from zcprobe.journal import Journal, journal, new_run_id
from zcprobe.lab.open import OpenLab, open_path
from zcprobe.lab.remote import OpenRemote
from zcprobe.lab.turns import turn
from zcprobe.recorder.metadata import now_utc
from zcprobe.recorder.pipeline import record
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.recorder.tables import starting
from zcprobe.signals import deferred_signals

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["CompletedRun", "record_run"]


class CompletedRun(msgspec.Struct, frozen=True):
    folder: Path
    metadata: RunMetadata


@contextmanager
def _place(benchmark: Benchmark, run_id: str, entry: Journal) -> Iterator[OpenLab | OpenRemote]:
    config = benchmark.config
    if config.to is not None:
        yield OpenRemote(config.to)
        return
    with open_path(
        config.scenario,
        run_id=run_id,
        family=config.family,
        protocol=config.protocol,
        optmem_max_bytes=config.optmem_max_bytes,
        run_journal=entry,
        link=config.link,
    ) as place:
        yield place


def _take_turn(stack: ExitStack, benchmark: Benchmark, interruption: Interruption) -> None:
    """Waits for its turn. The kernel adds up the pages that zerocopy sends lock over all processes of a user that are
    subject to RLIMIT_MEMLOCK, so two such runs at a time would share one limit. KeyboardInterrupt if somebody asks for
    the end meanwhile."""
    if benchmark.is_bound_by_memlock:
        what = "the account of locked pages, of which the kernel keeps one for each user"
        with interruption.raised():
            stack.enter_context(turn("memlock", what, interruption.tell))


def record_run(
    benchmark: Benchmark,
    parent: Path | Directory,
    probes: "ProbeSession | None",
    interruption: Interruption,
    *,
    on_kept: Callable[[CompletedRun], None] = lambda done: None,
    started: Processes | None = None,
    token: str | None = None,
    run_id: str | None = None,
    intervals: Intervals | None = None,
) -> CompletedRun:
    """Runs the benchmark and stores it below `parent`, a path or an open folder of ours. `started` are the processes of
    this run if the caller has already started them. `token`, which is not stored, is the token for the sink at
    `config.to`. `run_id` is a new id unless the caller has one written down already.
    `intervals`: what is told while it runs.

    After measuring, the run gets its name and `on_kept` is called before anything else happens, even before the lab is
    undone. After an error before that, nothing stays behind.
    """
    run_id, started_utc = run_id or new_run_id(), now_utc()
    name = folder_name(benchmark.config.scenario, benchmark.config.policy, run_id)
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id, interruption.raised()))
        _take_turn(stack, benchmark, interruption)
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        children = stack.enter_context(processes(benchmark) if started is None else nullcontext(started))
        finish = stack.enter_context(starting(probes))
        place = stack.enter_context(_place(benchmark, run_id, entry))
        finish()
        with prepared(benchmark, place, children, directory.path, interruption, token, intervals) as subject:
            metadata = record(
                subject,
                probes,
                directory.path,
                interruption,
                run_id=run_id,
                started_utc=started_utc,
                limit=benchmark.limit,
            )
        with deferred_signals():  # the caller that keeps the run hears of it before a signal can end anything
            directory.keep()
            done = CompletedRun(directory.place, metadata)
            on_kept(done)
    return done
