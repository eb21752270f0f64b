# SPDX-License-Identifier: GPL-2.0-only
"""All probes as one BPF program: compiled and attached once, then used to watch the sockets of one run after
another."""

import os
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_args

from zcprobe.closable import Closable
from zcprobe.config import ProbeLevel, ProbeMechanism
from zcprobe.errors import HostError
from zcprobe.format.attachment import UringSummary
from zcprobe.host.symbols import Symbols, read_symbols
from zcprobe.native import lib
from zcprobe.native.event_reader import EventReader
from zcprobe.native.status import require
from zcprobe.native.structs import enum_names
from zcprobe.probes.base import stand_in_of
from zcprobe.probes.bcc_backend import TURN_S, Program, become_compiler_thread, import_bcc
from zcprobe.probes.loading import WITH_STAND_IN, Loaded, Needs, attach_again, load_probes
from zcprobe.probes.measurement import MeasurementCounts, Snapshot, SocketSnapshot, Target
from zcprobe.probes.refused import Refused, RefusedThread, refused_socket
from zcprobe.probes.sockets import socket_counts
from zcprobe.probes.uarg import COMPLETIONS
from zcprobe.probes.uring import OVERFLOW, uring_summary
from zcprobe.probes.usage import socket_usage

__all__ = ["LEVELS", "ProbeSession"]

LEVELS: tuple[ProbeLevel, ...] = get_args(ProbeLevel)
"""off: no probes. summary: counts per socket, kept in the kernel. timeline: also an event for everything that changes
the error queue or fails a send. full: also one for every send call, uarg and copy."""

_NO_LIMIT = 2**64 - 1
_READS = 10
_NO_STACK = 1 << 31
"""Stack ids from here on are negative errnos: there was no room for the stack."""


def _load(mechanism: ProbeMechanism | None, needs: Needs) -> Loaded:
    become_compiler_thread()
    return load_probes(mechanism, needs)


class ProbeSession(Closable):
    """Loaded probes. `mechanisms`: probe name -> mechanism in use; `attached`: functions and tracepoints watched.

    `level`: the highest level that will be requested; `memlock`: whether RLIMIT_MEMLOCK can apply to a sender. A lower
    level and False cost less. `watch`: processes will be watched, and how they use their sockets is counted.
    `typed`: the tracepoints have typed arguments, which halves the cost per event.

    Unless `wait`, they are compiled and loaded in a thread; `wait()`, or whatever needs them first, raises what went
    wrong. Meanwhile nobody else may write to stderr, because the compiler's messages are read from there.
    """

    def __init__(
        self,
        mechanism: ProbeMechanism | None = None,
        level: ProbeLevel = "full",
        *,
        memlock: bool = True,
        watch: bool = False,
        wait: bool = True,
    ) -> None:
        import_bcc()  # imported here, because importing it changes the warnings of the whole process
        self._watches = watch
        needs = Needs(timeline=watch or LEVELS.index(level) > LEVELS.index("summary"), memlock=memlock, watch=watch)
        pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zcprobe-probes")
        self._loading: Future[Loaded] = pool.submit(_load, mechanism, needs)
        pool.shutdown(wait=False)
        self._symbols: Symbols | None = None
        self._is_closed = False
        self._lost_before: list[list[int]] = []
        self._results_before: list[int] = []
        self._reader: EventReader | None = None
        self._turn_s = sys.getswitchinterval()
        if wait:
            self.wait()
        else:
            sys.setswitchinterval(TURN_S)

    def wait(self) -> None:
        """Waits until they are loaded. HostError says why they cannot be loaded."""
        try:
            self._loading.result()
        finally:
            sys.setswitchinterval(self._turn_s)

    @property
    def mechanism(self) -> ProbeMechanism:
        return self._loading.result().mechanism

    @property
    def typed(self) -> bool:
        return self._loading.result().typed

    @property
    def mechanisms(self) -> dict[str, str]:
        return self._loading.result().mechanisms

    @property
    def attached(self) -> list[str]:
        return self._loading.result().attached

    @property
    def _program(self) -> Program:
        return self._loading.result().program

    def close(self) -> None:
        """Detaches and unloads the probes, unless that was done already."""
        if not self._is_closed:
            self._is_closed = True
            with suppress(HostError):  # the error was already raised for the caller that waited
                self._program.close()

    @contextmanager
    def measure(self, target: Target, events_path: Path, limit_bytes: int = _NO_LIMIT) -> Iterator[MeasurementCounts]:
        """Counts what the target's sockets do, and streams events to a file of `struct zc_kernel_event` of at most
        `limit_bytes`.

        The counts are filled in when the context is left.
        """
        counts = MeasurementCounts()
        skipped, taken_over = self._skips()
        with events_path.open("wb") as events:
            self._forget()  # before the baselines: a snapshot never pairs sockets of before with baselines of now
            self._lost_before, self._results_before = self._lost(), self._results()
            reader = self._reader = EventReader(self._program.map_fd("events"), events.fileno(), limit_bytes)
            level = LEVELS.index(target.level)
            try:
                self._set_target(target, level)
                yield counts
            finally:
                self._program.set_target(0, [], 0, 0)
                self._reader = None
                counts.events, counts.kept_events = reader.stop()
        self._count_losses(counts)
        now_skipped, now_taken_over = self._skips()
        counts.taken_over = _increase(now_taken_over, taken_over)
        counts.missed_runs = _difference(_increase(now_skipped, skipped), counts.taken_over)
        counts.send_results = self._new_results()
        self._count_sockets(counts)

    def _set_target(self, target: Target, level: int) -> None:
        if target.processes is None:
            self._program.set_target(target.netns_inode, target.cookies, target.tgid, level)
        else:
            self._program.set_processes(target.processes, target.threads, level, follow=target.follow)

    def add_processes(self, tgids: Iterable[int]) -> None:
        """Adds processes to the target of the current measurement."""
        self._program.add_processes(tgids)

    def forget_events(self, count: int) -> None:
        """Says that the first events of the measurement's file, `count` more than before, were read and need no room
        any more: the file gets as many more. Nothing after the measurement."""
        if self._reader is not None:
            self._reader.forget(count)

    def refused(self, tids: Iterable[int], cookies: Iterable[int]) -> Refused:
        """What is known of these threads and sockets of watched processes, which had refused calls."""
        threads = self._program.structs("refused_threads", tids)
        sockets = self._program.structs("refused_sockets", cookies)
        return Refused(
            {tid: RefusedThread(**members) for tid, members in threads.items()},
            {cookie: refused_socket(members) for cookie, members in sockets.items()},
        )

    @property
    def lack_of_uring(self) -> str | None:
        """Why io_uring's sends are not counted, although processes are watched: what the kernel lacks."""
        return self._loading.result().lack_of_uring

    @property
    def lack_of_calls(self) -> str | None:
        """Why a thread of a watched process that sleeps during a flush counts as one that waits, or None if it must
        sleep in a call that waits for the socket."""
        return self._loading.result().lack_of_calls

    @property
    def _counts_uring(self) -> bool:
        return self._watches and self.lack_of_uring is None

    def uring(self) -> UringSummary | None:
        """What watched processes have sent by io_uring since the measurement began; None if that is not counted."""
        if not self._counts_uring:
            return None
        (counts,) = self._program.structs("uring_counts").values()
        return uring_summary(counts, sees_overflows=OVERFLOW.name in self.attached)

    def snapshot(self) -> Snapshot:
        """What was counted so far in the current measurement, or in the whole last one.

        The counters are read one after another while the programs continue, so they may differ by the calls in between;
        each only grows. A socket that another CPU is just adding may still have 0 for what it was when first seen. Any
        thread may call it. RuntimeError before the first measurement and after `close()`.
        """
        if not self._results_before or self._is_closed:
            raise RuntimeError("there is no measurement to take a snapshot of")
        time_ns = time.monotonic_ns()
        holders = self._holders()
        sockets = [
            SocketSnapshot(
                socket_counts(state),
                state["optmem_bytes"],
                state["errqueue_depth"],
                socket_usage(state, holders.get(state["cookie"], {})) if self._watches else None,
            )
            for state in self._states()
        ]
        lost = sum(map(sum, self._lost())) - sum(map(sum, self._lost_before))
        return Snapshot(time_ns, sockets, self._new_results(), lost)

    def detach(self) -> None:
        """Takes the programs off the kernel's paths between two measurements, because even one that finds nothing to do
        costs time there."""
        self._program.detach()

    def attach(self) -> None:
        """Attaches what was detached, which takes far less time than a new session. HostError if the kernel no longer
        lets it."""
        attach_again(self._loading.result())

    @contextmanager
    def timed(self) -> Iterator[dict[str, tuple[int, int]]]:
        """BPF function -> (runs, nanoseconds) inside the context, filled in on leaving it. Meanwhile the kernel times
        every program, which itself costs some 40 ns per run. HostError before Linux 5.8."""
        descriptor = require(lib.zc_time_programs(), "the kernel does not time programs", "run as root")
        before = self._program.statistics()
        times: dict[str, tuple[int, int]] = {}
        try:
            yield times
        finally:
            os.close(descriptor)
        for name, after in self._program.statistics().items():
            runs, duration_ns = (after[key] - before[name][key] for key in ("run_count", "run_ns"))
            if runs:
                times[name] = (runs, duration_ns)

    def _skips(self) -> tuple[dict[str, int], dict[str, int]]:
        """BPF function -> how often the kernel skipped it since it was loaded, and how often its stand-in acted. Both
        are read again if a stand-in acted meanwhile, so that they fit together. Without CAP_SYS_ADMIN some cannot be
        read, and are left out of both."""
        taken_over = self._program.sum_structs_per_cpu("runs", "taken_over")
        for _ in range(_READS):
            skipped = {name: one["missed_count"] for name, one in self._program.statistics().items()}
            before, taken_over = taken_over, self._program.sum_structs_per_cpu("runs", "taken_over")
            if before == taken_over:
                break
        stand_ins = {stand_in_of(name) for name in WITH_STAND_IN}
        own = {name: count for name, count in skipped.items() if name not in stand_ins}
        acted = zip(WITH_STAND_IN, taken_over, strict=True)
        return own, {name: count for name, count in acted if name in own}

    def _lost(self) -> list[list[int]]:
        return self._program.per_cpu("lost_events")

    def _results(self) -> list[int]:
        return self._program.sum_per_cpu("send_results")

    def _new_results(self) -> dict[int, int]:
        """Errno -> calls since the measurement began."""
        pairs = enumerate(zip(self._results(), self._results_before, strict=True))
        return {number: now - was for number, (now, was) in pairs if now > was}

    def _count_losses(self, counts: MeasurementCounts) -> None:
        kinds = enum_names("zc_event_kind", "ZC_EVENT_")
        for kind, (now, was) in enumerate(zip(self._lost(), self._lost_before, strict=True)):
            lost = [after - earlier for after, earlier in zip(now, was, strict=True)]
            if any(lost):
                counts.lost_by_kind[kinds[kind]] = lost
                counts.lost_events += sum(lost)

    def _states(self) -> list[dict[str, Any]]:
        """`struct socket_state` of every socket seen. A state is added to the closed ones before it is removed from the
        others, so reading the others first misses none."""
        places = self._program.structs("places", self._program.numbers("place_owners")).values()
        hashed, closed = (self._program.structs(name).values() for name in ("sockets", "closed_sockets"))
        return list({state["cookie"]: state for state in (*places, *hashed, *closed) if state["sk"]}.values())

    def _holders(self) -> dict[int, dict[int, int]]:
        """Cookie -> stack id -> late completions."""
        found: dict[int, dict[int, int]] = {}
        if self._watches:
            for key, count in self._program.items("holders"):
                if key["stack_id"] < _NO_STACK:
                    found.setdefault(key["cookie"], {})[key["stack_id"]] = count
        return found

    def _count_sockets(self, counts: MeasurementCounts) -> None:
        counts.sockets = {state["cookie"]: socket_counts(state) for state in self._states()}
        if self.mechanism != "tracepoint":
            counts.copy_paths = {
                stack: count for stack, count in self._program.numbers("copy_paths").items() if stack < _NO_STACK
            }

    def _forget(self) -> None:
        """State of earlier runs: a socket of this one may have got the address of one that was never seen closed."""
        functions = ("ways", "emitted_appended", "copy_paths") if self.mechanism != "tracepoint" else ()
        waits = () if self.lack_of_calls else ("last_waits",)
        watched = ("holders", "refused_threads", "refused_sockets", *waits) if self._watches else ()
        uring = ("uring_counts", "uring_requests", "uring_rings") if self._counts_uring else ()
        states = ("places", "place_owners", "sockets", "closed_sockets")
        for name in (*states, "evidence_by_thread", *functions, *watched, *uring):
            self._program.clear(name)
        self._program.set_u32("evidence_ever", 0)

    def resolve_stacks(self, stack_ids: list[int]) -> dict[int, list[str]]:
        """Stack id -> frames as `symbol+0xoffset`, innermost first, without frames of the tracing itself."""
        if stack_ids and self._symbols is None:
            self._symbols = read_symbols()
        return {stack_id: self._resolve(self._program.walk_stack(stack_id)) for stack_id in stack_ids}

    def _resolve(self, addresses: list[int]) -> list[str]:
        assert self._symbols is not None
        frames = [self._symbols.resolve(address) for address in addresses]
        return [f"{name}+{offset:#x}" for name, offset in frames[_first_own(frames) :]]


def _increase(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}


def _difference(skipped: dict[str, int], taken_over: dict[str, int]) -> dict[str, int]:
    """The events that nobody took over. It has those that were counted twice, too, because both are wrong."""
    counts = {name: skipped.get(name, 0) - taken_over.get(name, 0) for name in skipped | taken_over}
    return {name: abs(count) for name, count in counts.items() if count}


def _first_own(frames: list[tuple[str, int]]) -> int:
    """Index of the innermost frame that does not belong to the tracing: a probed function, or the caller of a
    tracepoint."""
    for index, (name, _) in enumerate(frames):
        if name in COMPLETIONS or name == "skb_copy_ubufs":
            return index
    return next((index + 1 for index, (name, _) in enumerate(frames) if name.startswith("bpf_trace_run")), 0)
