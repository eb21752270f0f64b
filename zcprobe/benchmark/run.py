"""One run from its configuration to a complete run folder."""

import importlib
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from zcprobe.benchmark.defaults import scenario_of
from zcprobe.benchmark.run_warnings import warnings_of, with_pauses
from zcprobe.benchmark.subject import Measured, measure, spool_path
from zcprobe.config import RunConfig
from zcprobe.directory import Directory
from zcprobe.errors import DataLossError, ReconciliationError
from zcprobe.format.findings import Finding
from zcprobe.format.metadata import RunMetadata
from zcprobe.format.sockets import SocketCounts
from zcprobe.format.tables import EVENT_TABLE, SENDER_TABLES
from zcprobe.host.cpu import host_metadata
from zcprobe.host.limits import memlock_applies
from zcprobe.interrupt import Interruption
from zcprobe.journal import Journal, journal
from zcprobe.lab.open import OpenLab, open_path
from zcprobe.lab.remote import OpenRemote
from zcprobe.lab.turns import turn
from zcprobe.recorder.child import Children, children
from zcprobe.recorder.metadata import digests_of, now_utc, write_json, write_sealed
from zcprobe.recorder.reconcile import (
    lost_events_finding,
    reconcile_counts,
    reconcile_probes,
    reconcile_sender,
    reconcile_sink,
    sends_in_flight,
)
from zcprobe.recorder.record_limit import limit_warnings, rows_beyond_limit
from zcprobe.recorder.run_directory import folder_name, open_run_directory
from zcprobe.recorder.summary import summarize, summarize_channel
from zcprobe.recorder.totals import EventTotals, add_up_events, combine, totals_of_counts
from zcprobe.signals import ENDING, deferred_signals

if TYPE_CHECKING:
    from zcprobe.probes.session import ProbeSession

__all__ = ["CompletedRun", "check_complete", "new_run_id", "record_run"]


class CompletedRun(msgspec.Struct, frozen=True):
    folder: Path
    metadata: RunMetadata


def new_run_id() -> str:
    return secrets.token_hex(3)


def _socket_counts(measured: Measured) -> list[SocketCounts | None]:
    """What the kernel counted of each channel's socket; None for one that it never saw."""
    return [measured.counts.sockets.get(cookie) for cookie in measured.ready.cookies]


def _totals(config: RunConfig, measured: Measured, folder: Path) -> list[EventTotals]:
    """Of each channel's socket, from its events, or from the kernel's counts where not all of them are there."""
    events = spool_path(folder, EVENT_TABLE.name)
    baselines = [channel.result["optmem_baseline_bytes"] for channel in measured.report.channels]
    if config.probe_level == "summary" or measured.counts.kept_events < measured.counts.events:
        return [
            totals_of_counts(counts, baseline) if counts else EventTotals()
            for counts, baseline in zip(_socket_counts(measured), baselines, strict=True)
        ]
    return [
        add_up_events(events, cookie, baseline, measured.ready.charge_bytes)
        for cookie, baseline in zip(measured.ready.cookies, baselines, strict=True)
    ]


def _reconcile_channel(
    config: RunConfig, measured: Measured, number: int, totals: EventTotals | None, folder: Path
) -> list[Finding]:
    report = measured.report.channels[number]
    spools = [spool_path(folder, name, number) if config.record else None for name in ("notifications", "sends")]
    is_datagram = config.protocol == "udp"
    findings = reconcile_sender(report, *spools)
    findings += reconcile_sink(report, is_datagram=is_datagram, overwrites=config.traffic.reuse == "at-once")
    if totals is not None:
        is_tcp = not is_datagram and config.family != "vsock"
        findings += reconcile_probes(report, totals, measured.ready.charge_bytes, is_tcp=is_tcp)
        counts = _socket_counts(measured)[number]
        if counts is not None:
            findings += reconcile_counts(totals, counts, sends_in_flight=sends_in_flight(report))
    if config.channels == 1:
        return findings
    return [msgspec.structs.replace(item, what=f"channel {number}: {item.what}") for item in findings]


def _reconcile(config: RunConfig, measured: Measured, totals: list[EventTotals], folder: Path) -> list[Finding]:
    findings = [lost_events_finding(measured.counts.lost_events)] if totals else []
    for number in range(config.channels):
        findings += _reconcile_channel(config, measured, number, totals[number] if totals else None, folder)
    return findings


def _write_tables(folder: Path) -> dict[str, int]:
    """Spool files become Parquet and go away; table name -> rows. Tables of other traffic are left out."""
    from zcprobe.recorder.parquet import write_table

    rows = {}
    for table in (*SENDER_TABLES, EVENT_TABLE):
        spools = sorted(folder.glob(f".{table.name}.*.spool"), key=lambda path: int(path.suffixes[-2][1:]))
        optional = table.name in ("rounds", "requests") and not any(path.stat().st_size for path in spools)
        if spools and not optional:
            rows[table.name] = write_table(table, spools, folder)
        for spool in spools:
            spool.unlink()
    return rows


def _store(
    config: RunConfig,
    run_id: str,
    started: str,
    probes: "ProbeSession | None",
    measured: Measured,
    folder: Path,
) -> RunMetadata:
    totals = _totals(config, measured, folder) if probes is not None else []
    together = combine(totals) if totals else None
    if probes is not None and together is not None:
        stack_ids = sorted({*together.stack_ids, *measured.counts.copy_paths})
        write_json(folder / "stacks.json", probes.resolve_stacks(stack_ids))
    findings = _reconcile(config, measured, totals, folder)
    is_datagram = config.protocol == "udp"
    summary = summarize(
        measured.report,
        together,
        optmem_max_bytes=measured.lab.optmem_max_bytes,
        charge_bytes=measured.ready.charge_bytes,
        lost_events=measured.counts.lost_events,
        is_datagram=is_datagram,
    )
    rows = _write_tables(folder)
    beyond = rows_beyond_limit(measured.report, measured.counts)
    effects = with_pauses(measured.effects, measured.scenario, measured.report)
    metadata = RunMetadata(
        run_id=run_id,
        started_utc=started,
        complete=all(finding.holds for finding in findings),
        config=config,
        scenario=msgspec.to_builtins(measured.scenario),
        lab=msgspec.to_builtins(measured.lab),
        calibration=measured.calibration,
        effects=effects,
        warnings=[
            *warnings_of(config, measured.scenario, measured.lab, effects, summary, measured.disturbances),
            *limit_warnings(config, rows, beyond),
        ],
        host=dict(host_metadata()),
        probes=probes.mechanisms if probes else {},
        attached=probes.attached if probes else [],
        typed_tracepoints=probes.typed if probes else False,
        lost_by_kind=measured.counts.lost_by_kind,
        missed_runs=measured.counts.missed_runs,
        sockets=[counts for counts in _socket_counts(measured) if counts is not None],
        copy_paths={str(stack): count for stack, count in measured.counts.copy_paths.items()},
        send_results={str(number): count for number, count in measured.counts.send_results.items()},
        rows=rows,
        rows_beyond_limit=beyond,
        reconciliation=findings,
        summary=summary,
        channels=[summarize_channel(one, is_datagram=is_datagram) for one in measured.report.channels],
        cookies=measured.ready.cookies,
        files=digests_of(*(folder / f"{table}.parquet" for table in rows), folder / "stacks.json"),
    )
    write_sealed(folder / "run.json", metadata)
    return metadata


@contextmanager
def _place(config: RunConfig, run_id: str, entry: Journal) -> Iterator[OpenLab | OpenRemote]:
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


_WRITES_TABLES = "zcprobe.recorder.parquet"


def _import_what_writes_tables() -> None:
    """In a thread of its own; signals are for the main thread to answer, and so is what goes wrong."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    with suppress(Exception):
        importlib.import_module(_WRITES_TABLES)


@contextmanager
def _starting(probes: "ProbeSession | None") -> Iterator[Callable[[], None]]:
    """What takes the processor, numpy and pyarrow for the tables, goes on while the children start and the lab opens;
    `finish()` waits for it, before anything is measured. ImportError."""
    thread = threading.Thread(target=_import_what_writes_tables)

    def finish() -> None:
        thread.join()
        importlib.import_module(_WRITES_TABLES)  # raises what went wrong
        if probes is not None:
            probes.wait()

    thread.start()
    try:
        yield finish
    finally:
        thread.join()


def _take_turn(stack: ExitStack, config: RunConfig, interruption: Interruption) -> None:
    """The kernel adds up the pages that zerocopy sends lock over all processes of a user that RLIMIT_MEMLOCK binds: two
    such runs at a time would share one limit. KeyboardInterrupt when somebody asks for the end while it waits."""
    if scenario_of(config).memlock_bytes is not None or memlock_applies():
        what = "the account of locked pages, of which the kernel keeps one for each user"
        with interruption.raised():
            stack.enter_context(turn("memlock", what, interruption.tell))


def record_run(
    config: RunConfig,
    parent: Path | Directory,
    probes: "ProbeSession | None",
    interruption: Interruption,
    *,
    on_kept: Callable[[CompletedRun], None] = lambda done: None,
    processes: Children | None = None,
    token: str | None = None,
) -> CompletedRun:
    """Runs and stores it below `parent`, a folder by its name or an open one of ours. `config` has the scenario's
    defaults; `processes` are those of this run where the caller has started them already; `token`, which is stored
    nowhere, is what the sink at `config.to` asks for.

    Once measured the run is in its place, and `on_kept` is called, before anything else begins, the undoing of the lab
    included; on an error before that nothing stays behind. Whether all counts reconcile is said by `check_complete`, so
    that the caller can report the run first.
    """
    run_id, started = new_run_id(), now_utc()
    name = folder_name(config.scenario, config.policy, run_id)
    with ExitStack() as stack:
        entry = stack.enter_context(journal(run_id, interruption.raised()))
        _take_turn(stack, config, interruption)
        directory = stack.enter_context(open_run_directory(parent, name, entry))
        started_here = children(config) if processes is None else nullcontext(processes)
        with started_here as both, _starting(probes) as finish, _place(config, run_id, entry) as place:
            finish()
            measured = measure(config, place, both, probes, directory.path, interruption, token)
            metadata = _store(measured.config, run_id, started, probes, measured, directory.path)
            with deferred_signals():  # whoever keeps the run knows of it before a signal can end anything
                directory.keep()
                done = CompletedRun(directory.place, metadata)
                on_kept(done)
        return done


def check_complete(run: CompletedRun) -> None:
    """DataLossError naming the first count that was lost, else ReconciliationError naming the first that differs."""
    broken = [finding for finding in run.metadata.reconciliation if not finding.holds]
    if not broken:
        return
    # what was lost makes counts differ, too
    finding = next((one for one in broken if one.kind == "lost"), broken[0])
    text = f"{finding.what}: expected {finding.expected}, found {finding.found} (kept in {run.folder})"
    if finding.kind == "lost":
        raise DataLossError(text, "run again with less load, or a smaller -n")
    if run.metadata.missed_runs:
        skipped = ", ".join(f"{name}: {count}" for name, count in sorted(run.metadata.missed_runs.items()))
        text += f"; the kernel skipped runs of probes ({skipped})"
        raise ReconciliationError(text, "run again; if it recurs, without other load on the machine")
    raise ReconciliationError(text, "the run cannot be trusted; please report it with its folder")
