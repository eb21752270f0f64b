# SPDX-License-Identifier: GPL-2.0-only
"""Looks at the sockets of the watched processes, again and again."""

import time
from collections import Counter
from collections.abc import Callable

import msgspec

from zcprobe.attach.history import SocketHistory
from zcprobe.attach.watched import WatchedProcess, WatchedProcesses
from zcprobe.probes.socket_looks import MOST_OTHERS, SocketLook

__all__ = ["Sample", "Sampler"]

MOST_CLOSED = 1024
"""Most closed sockets of which something is kept. The sends of further ones are only added up."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One socket over one interval; `history` as it is at the end of the interval."""

    history: SocketHistory
    time_ns: int
    interval_ns: int
    sends: int
    bytes_sent: int


class Sampler:
    """The histories of all sockets with zerocopy: `sockets`, by their key, the open ones, and `closed`. `others`: the
    sockets without zerocopy of the last look at all sockets, at most 256 of them, with the id of their process;
    `other_counts`: how many there were by protocol. `forgotten_sockets` and `forgotten_sends`: closed sockets beyond
    the first 1024. `look_ns`: how long the last look took; `look_ns_max`: the longest.

    `measure_charge`: finds the charge of a notification, until one is seen on a queue; 0 if that is not possible.
    `host_limit_bytes`: optmem_max of this host, for kernels that have one for all network namespaces.
    """

    def __init__(
        self, processes: WatchedProcesses, measure_charge: Callable[[], int], host_limit_bytes: int | None
    ) -> None:
        self.processes = processes
        self.sockets: dict[tuple[int, int], SocketHistory] = {}
        self.closed: list[SocketHistory] = []
        self.others: list[tuple[int, SocketLook]] = []
        self.other_counts: Counter[str] = Counter()
        self.look_count = 0
        self.look_ns = 0
        self.look_ns_max = 0
        self.forgotten_sockets = 0
        self.forgotten_sends = 0
        self.charge_bytes = 0
        self._measure_charge = measure_charge
        self._host_limit_bytes = host_limit_bytes
        self._number = 0
        self._seen: set[int] = set()
        self._begun_ns = time.monotonic_ns()
        self._before: dict[tuple[int, int], tuple[int, int]] = {}

    def look(self, *, every: bool = False) -> None:
        """Looks once at each process: at its sockets with zerocopy, or at all its sockets. Notes which processes and
        sockets have gone."""
        began_ns = time.monotonic_ns()
        if not self.look_count:
            self._begun_ns = began_ns
        if every:
            self.others, self.other_counts = [], Counter()
        found: set[tuple[int, int]] = set()
        for process in self.processes:
            looked = process.look(every=every)
            if looked is None:
                self.processes.ended(process)
                continue
            for look in looked.zerocopy:
                found.add(look.key)
                self._add(process, look)
            self.other_counts.update(looked.other_counts)
            room = MOST_OTHERS - len(self.others)
            self.others += [(process.pid, look) for look in looked.others[:room]]
            self._seen.add(process.pid)
        for key in self.sockets.keys() - found:
            self._close(key)
        self.look_count += 1
        self.look_ns = time.monotonic_ns() - began_ns
        self.look_ns_max = max(self.look_ns_max, self.look_ns)

    def _add(self, process: WatchedProcess, look: SocketLook) -> None:
        time_ns = time.monotonic_ns()
        self._learn_charge(look)
        history = self.sockets.get(look.key)
        if history is None:
            # what an older process has at our first look was open before; what comes later was opened while we watched
            from_birth = process.is_new or process.pid in self._seen
            history = SocketHistory(
                self._number,
                process.pid,
                look,
                time_ns,
                from_birth=from_birth,
                host_limit_bytes=self._host_limit_bytes,
            )
            self._number += 1
            self.sockets[look.key] = history
        history.pid = process.pid  # of processes that share a socket, the one whose descriptor the look has
        history.add(look, time_ns, self.charge_bytes)

    def _learn_charge(self, look: SocketLook) -> None:
        if look.has_tail:
            self.charge_bytes = look.charge_bytes
        elif look.optmem_bytes and not self.charge_bytes:
            self.charge_bytes = self._measure_charge()

    def _close(self, key: tuple[int, int]) -> None:
        history = self.sockets.pop(key)
        history.is_open = False
        if len(self.closed) < MOST_CLOSED:
            self.closed.append(history)
        else:
            self.forgotten_sockets += 1
            self.forgotten_sends += history.sends

    def end_interval(self) -> list[Sample]:
        """A sample of each socket that was open at some time of the interval, and begins the next interval."""
        now_ns = time.monotonic_ns()
        histories = [*self.closed, *self.sockets.values()]
        samples = [
            self._sample(history, now_ns)
            for history in histories
            if history.is_open or history.time_ns >= self._begun_ns
        ]
        for history in self.sockets.values():
            history.begin_interval()
        self._before = {key: (one.sends, one.bytes_sent) for key, one in self.sockets.items()}
        self._begun_ns = now_ns
        return samples

    def _sample(self, history: SocketHistory, now_ns: int) -> Sample:
        sends, bytes_sent = self._before.get(history.look.key, (0, 0))
        return Sample(
            history=history,
            time_ns=now_ns,
            interval_ns=now_ns - self._begun_ns,
            sends=history.sends - sends,
            bytes_sent=history.bytes_sent - bytes_sent,
        )
