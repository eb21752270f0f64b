# SPDX-License-Identifier: GPL-2.0-only
"""The detail `causes`: the probes count what the watched processes do with their sockets, call by call."""

import os
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any, Self

import msgspec

from zcprobe.attach.event_file import EventFile
from zcprobe.attach.history import SocketHistory
from zcprobe.attach.refusals import Refusal, RefusalReader
from zcprobe.attach.sampler import Sampler
from zcprobe.format.attachment import SocketSummary, ThreadSummary, UringSummary
from zcprobe.format.holders import last_holder
from zcprobe.probes.measurement import MeasurementCounts, SocketSnapshot, Target
from zcprobe.probes.session import ProbeSession
from zcprobe.probes.socket_looks import protocol_name
from zcprobe.probes.usage import SocketUsage

__all__ = ["Causes"]

MOST_UNMET = 1024
"""Most sockets that no look met of which counts are kept."""

_FIRST_PID_NAMESPACE = "pid:[4026531836]"
"""PROC_PID_INIT_INO of the kernel. In this namespace the ids that we see are those of the probes."""


class Causes:
    """Probes that count for the processes of a sampler, from `begin` to `end`. HostError if they cannot be loaded."""

    def __init__(self) -> None:
        self._session = ProbeSession(level="summary", watch=True)
        self._measuring = ExitStack()
        self._counts = MeasurementCounts()
        self._known: set[int] = set()
        self._seen: dict[tuple[int, int], SocketSnapshot] = {}
        self._end_ns = 0
        self._holders: dict[int, str] = {}
        self._tids: tuple[int, ...] = ()
        self._unlisted = 0
        self._unread = 0
        self._events = EventFile()
        self._refusals = self._refusal_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._measuring.close()
        self._session.close()
        self._events.close()

    def _forget(self, known: dict[tuple[int, int], SocketHistory]) -> None:
        unmet = [key for key in self._seen if key not in known]
        self._unlisted = max(self._unlisted, len(unmet) - MOST_UNMET)
        for key in unmet[: max(0, len(unmet) - MOST_UNMET)]:
            del self._seen[key]
        self._unread = sum(key not in self._seen and self._may_have_counts(one) for key, one in known.items())

    def _may_have_counts(self, history: SocketHistory) -> bool:
        """Of a socket without counts: whether it had some, which the kernel dropped because too many others came. If
        threads are chosen, more likely none of them sent."""
        return bool(history.sends) and not history.is_open and not self._tids

    def keep_events(self, events: EventFile) -> None:
        """Has the events go to another file. Called before `begin`."""
        self._events.close()
        self._events = events
        self._refusals = self._refusal_reader()

    def _refusal_reader(self) -> RefusalReader:
        return RefusalReader(self._session, self._events)

    def begin(self, sampler: Sampler) -> None:
        """Counts from now on."""
        self._known = _tgids(sampler)
        selection = sampler.processes.selection
        self._tids = selection.tids
        target = Target(
            level="summary",
            processes=sorted(self._known),
            threads=list(selection.tids),
            follow=selection.children,
        )
        measuring = self._session.measure(target, self._events.path, self._events.limit_bytes)
        self._counts = self._measuring.enter_context(measuring)

    def follow(self, sampler: Sampler) -> None:
        """Counts for the processes, too, that have joined the sampler's."""
        new = _tgids(sampler) - self._known
        self._session.add_processes(new)
        self._known |= new

    def refusals(self, sampler: Sampler, most: int | None) -> tuple[list[Refusal], int]:
        """The calls that were refused since the last time, but only the first `most` of them, and how many there are.
        Of very many it is a part; after the end, all are told when there are none."""
        return self._refusals.read(sampler, most)

    def end(self, sampler: Sampler) -> None:
        """Counts no more, and reads what was counted."""
        self._measuring.close()
        self.look(sampler)

    def look(self, sampler: Sampler) -> None:
        """Reads what was counted until now. Of the sockets that the sampler does not know it keeps the last ones."""
        self._end_ns = time.monotonic_ns()
        for one in self._session.snapshot().sockets:
            assert one.usage is not None  # the session watches
            self._seen[one.usage.address, one.usage.inode] = one
        self._forget({history.look.key: history for history in (*sampler.closed, *sampler.sockets.values())})
        new = {stack for one in self._usages() for stack in one.holders} - self._holders.keys()
        resolved = self._session.resolve_stacks(sorted(new))
        self._holders |= {stack: last_holder(frames) for stack, frames in resolved.items()}

    @property
    def recorded(self) -> dict[str, Any]:
        """Members of run.json on how the probes watched, and what they did not see."""
        return {
            "probes": self._session.mechanisms,
            "attached": self._session.attached,
            "typed_tracepoints": self._session.typed,
            "missed_runs": self._counts.missed_runs,
        }

    @property
    def lost_events(self) -> int:
        """Refused calls that found the ring full. They are counted, but nothing else is known of them."""
        return self._counts.lost_events

    @property
    def events_beyond(self) -> int:
        """Refused calls that found no room in the file of events."""
        return self._counts.events - self._counts.kept_events

    @property
    def uring(self) -> UringSummary | None:
        """What was sent by io_uring until now, or until the end."""
        return self._session.uring()

    @property
    def notes(self) -> list[str]:
        """A sentence for each BPF function whose counts may be too low, and for all else that was not seen or kept."""
        missed = sorted(self._counts.missed_runs.items())
        notes = [f"{name}() did not see {count} events, so counts may be too low" for name, count in missed]
        untold = self.lost_events + self.events_beyond
        if untold:
            notes.append(
                f"{untold} refused calls are counted but not told, because they came faster than they were read"
            )
        if self._unread:
            notes.append(f"{self._unread} sockets were closed before their counts were read, which are unknown")
        if self._unlisted:
            notes.append(f"at least {self._unlisted} sockets that were open between two looks only are not listed")
        if self._session.lack_of_calls:
            lack = self._session.lack_of_calls
            notes.append(f"a thread that slept during a flush counts as one that waited: this kernel has {lack}")
        if self._session.lack_of_uring:
            notes.append(f"io_uring was not watched: this kernel has {self._session.lack_of_uring}")
        return notes

    def _usages(self) -> list[SocketUsage]:
        return [one.usage for one in self._seen.values() if one.usage is not None]

    def complete(self, summary: SocketSummary, history: SocketHistory) -> SocketSummary:
        """The summary of a socket with what was counted for it."""
        seen = self._seen.get(history.look.key)
        if seen is None or seen.usage is None:
            return summary if history.sends > 0 else _unused(summary)
        usage = seen.usage
        sends = history.sends + _difference(usage.next_send_id, history.look.next_send_id)
        completed = self._completed(summary, seen, usage)
        return msgspec.structs.replace(completed, sends=sends)

    def unknown_sockets(self, histories: list[SocketHistory]) -> list[SocketSummary]:
        """Sockets that were opened and closed again between two looks."""
        known = {history.look.key for history in histories}
        return [
            self._completed(
                SocketSummary(
                    pid=one.usage.senders[0].tgid if one.usage.senders else None,
                    local=one.usage.local,
                    remote=one.usage.remote,
                    protocol=protocol_name(one.usage.family, one.usage.protocol),
                    sends=one.usage.sends,
                ),
                one,
                one.usage,
            )
            for key, one in self._seen.items()
            if key not in known and one.usage is not None
        ]

    def _completed(self, summary: SocketSummary, seen: SocketSnapshot, usage: SocketUsage) -> SocketSummary:
        counts = seen.counts
        in_flight_bytes, unread_bytes = counts.enobufs_held_bytes(summary.optmem_baseline_bytes or 0)
        readers: Counter[str] = Counter()
        holders: Counter[str] = Counter()
        for reader in usage.readers:
            readers[reader.comm] += reader.notifications
        if usage.reads_of_others:
            readers["(others)"] += usage.reads_of_others
        for stack, count in usage.holders.items():
            holders[self._holders.get(stack, "")] += count
        has_tail = summary.tail_lo is None and counts.appended
        return msgspec.structs.replace(
            summary,
            cookie=counts.cookie,
            plain_sends=usage.plain_sends,
            bytes_sent=usage.bytes_sent,
            send_bytes_median=usage.send_bytes_median,
            enobufs=sum(counts.enobufs.values()),
            enobufs_causes=counts.enobufs,
            enobufs_in_flight_bytes=in_flight_bytes,
            enobufs_unread_bytes=unread_bytes,
            notifications_read=counts.read,
            completions_read=counts.completions_read,
            copied_true=counts.completions_copied,
            errqueue_depth_max=max(summary.errqueue_depth_max or 0, counts.errqueue_depth_max),
            optmem_peak_bytes=max(summary.optmem_peak_bytes or 0, counts.optmem_peak_bytes),
            optmem_max_bytes=summary.optmem_max_bytes or counts.optmem_max_bytes or None,
            charge_bytes=summary.charge_bytes or counts.charge_bytes or None,
            in_flight_peak_bytes=max(summary.in_flight_peak_bytes or 0, usage.in_flight_peak_bytes),
            unread_peak_bytes=max(summary.unread_peak_bytes or 0, usage.unread_peak_bytes),
            outstanding_max=usage.outstanding_max,
            tail_lo=usage.tail_lo if has_tail else summary.tail_lo,
            tail_hi=usage.tail_hi if has_tail else summary.tail_hi,
            last_read_ns_ago=self._end_ns - usage.last_read_ns if usage.last_read_ns else None,
            readers=dict(readers),
            flushes=usage.flushes,
            flushes_waited=usage.flushes_waited,
            flushes_empty_then_enobufs=usage.flushes_in_vain,
            flush_ns_max=usage.flush_ns_max,
            sends_per_uarg_max=usage.sends_per_uarg_max,
            late_holders=dict(holders),
            foreign_uargs=counts.enobufs.get("foreign_uarg", 0),
        )

    def threads(self, known: list[ThreadSummary]) -> list[ThreadSummary]:
        """The threads that were seen, with what they sent."""
        sends: Counter[int] = Counter()
        enobufs: Counter[int] = Counter()
        comms = {thread.tid: thread.comm for thread in known}
        for usage in self._usages():
            for sender in usage.senders:
                sends[sender.tid] += sender.sends
                enobufs[sender.tid] += sender.enobufs
                comms.setdefault(sender.tid, sender.comm)
        return [
            ThreadSummary(tid=tid, comm=comm, sends=sends[tid], enobufs=enobufs[tid])
            for tid, comm in sorted(comms.items())
        ]


def _unused(summary: SocketSummary) -> SocketSummary:
    """A socket on which nothing was sent while the probes counted."""
    return msgspec.structs.replace(summary, plain_sends=0, enobufs=0, enobufs_causes={}, foreign_uargs=0)


def _difference(later: int, earlier: int) -> int:
    """Of two values of the kernel's 32-bit counter of sends."""
    return (later - earlier + 2**31) % 2**32 - 2**31


def _tgids(sampler: Sampler) -> set[int]:
    """The watched processes as the probes know them. In another pid namespace only a process with sockets tells."""
    found = {history.look.tgid for history in sampler.sockets.values()}
    found |= {look.tgid for _, look in sampler.others}
    if os.readlink("/proc/self/ns/pid") == _FIRST_PID_NAMESPACE:
        found |= {process.pid for process in sampler.processes}
    return found
