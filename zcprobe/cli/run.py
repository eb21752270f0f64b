# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe run"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from zcprobe.benchmark.defaults import benchmark_of, open_probes
from zcprobe.benchmark.intervals import Interval, Intervals
from zcprobe.benchmark.processes import processes
from zcprobe.cli.interval_rows import IntervalRows
from zcprobe.cli.options import DEFAULT, require_readers, run_config, token_of
from zcprobe.cli.streams import keeping
from zcprobe.interrupt import deferred_interrupt

if TYPE_CHECKING:
    from zcprobe.benchmark.run import CompletedRun
    from zcprobe.format.metadata import RunMetadata

__all__ = ["run"]


def _print_json(done: "CompletedRun", intervals: list[Interval] | None) -> None:
    content: dict[str, object] = msgspec.to_builtins(done.metadata)
    content |= {} if intervals is None else {"intervals": intervals}
    sys.stdout.buffer.write(msgspec.json.encode({**content, "folder": str(done.folder)}) + b"\n")


def _exit_code(metadata: "RunMetadata", signal_number: int) -> int:
    """Returns 0 only for a run that completed and whose sink reported what arrived."""
    if signal_number:
        return -signal_number
    is_known = metadata.sender.sink_bytes is not None
    return 0 if metadata.sender.outcome == "completed" and is_known else 1


@contextmanager
def _noting_what_is_kept() -> Iterator[Callable[["CompletedRun"], None]]:
    """Yields a function that notes a kept run. An exception that ends the block later, for example while the lab is
    undone, then says where the run is kept."""
    kept: list[CompletedRun] = []
    try:
        yield kept.append
    except BaseException as error:
        for done in kept:
            error.add_note(f"the run is kept in {done.folder}")
        raise


def run(options: argparse.Namespace) -> int:
    policy = options.policy or DEFAULT.policy
    require_readers(options.set, [policy])
    benchmark = benchmark_of(run_config(options, policy))
    token = token_of(options)
    kept: list[Interval] = []
    rows = IntervalRows(zerocopy=benchmark.config.zerocopy)
    intervals = Intervals(options.interval, kept.append if options.json else rows) if options.interval else None
    with (
        # first: an exception while a thread imports what the probes need could leave Python's import lock held for good
        deferred_interrupt() as interruption,
        _noting_what_is_kept() as on_kept,
        processes(benchmark) as started,
        open_probes(benchmark, wait=False) as probes,
    ):
        # imported while the children start and the probes are compiled
        from zcprobe.benchmark.run import record_run
        from zcprobe.cli.tell import describe_run
        from zcprobe.recorder.reconcile import check_complete

        done = record_run(
            benchmark,
            options.output,
            probes,
            interruption,
            on_kept=on_kept,
            started=started,
            token=token,
            intervals=intervals,
        )
    with keeping("the run is", done.folder, interruption.signal_number):
        rows.finish()
        if options.json:
            _print_json(done, kept if intervals is not None else None)
        else:
            print(describe_run(done))
    check_complete(done.metadata, done.folder)
    return _exit_code(done.metadata, interruption.signal_number)
