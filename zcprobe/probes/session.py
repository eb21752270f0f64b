"""All probes as one BPF program: compiled and attached once, aimed at one run's sockets after the other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from zcprobe.errors import HostError
from zcprobe.host.btf import Btf, open_btf
from zcprobe.host.symbols import Symbols, read_symbols
from zcprobe.native import ffi, lib
from zcprobe.probes.base import Attachment, Probe, read_source
from zcprobe.probes.bcc_backend import Program
from zcprobe.probes.errqueue import ERRQUEUE
from zcprobe.probes.layout import kernel_definitions
from zcprobe.probes.memlock import MEMLOCK
from zcprobe.probes.sendmsg import SENDMSG

__all__ = ["PROBES", "MeasurementCounts", "ProbeSession", "choose_mechanisms"]

PROBES: tuple[Probe, ...] = (MEMLOCK, SENDMSG, ERRQUEUE)
"""In the order of their C, in which later ones use earlier ones."""

_RING_PAGES = 4096
_DRAIN_INTERVAL_NS = 20_000_000


class MeasurementCounts(msgspec.Struct):
    """Of one run. `send_results`: errno name's number -> calls, 0 for success."""

    events: int = 0
    lost_events: int = 0
    send_results: dict[int, int] = msgspec.field(default_factory=dict)


def choose_mechanisms(btf: Btf) -> dict[str, str]:
    """Probe name -> mechanism; HostError names each probe that cannot run and why."""
    reasons = {probe.name: probe.reason_not(btf) for probe in PROBES if probe.name != MEMLOCK.name}
    for name, reason in reasons.items():
        if reason is not None:
            raise HostError(f"probe {name} cannot run on this kernel: {reason}", "use --probes none")
    chosen = dict.fromkeys(reasons, "tracepoint")
    # without it a refusal still shows when the kernel takes a fresh notification back (kfree_skb)
    chosen[MEMLOCK.name] = "none" if MEMLOCK.reason_not(btf) else "tracepoint"
    return chosen


def _load_as(definitions: dict[str, int], attachments: list[Attachment], *, typed: bool) -> Program:
    sources = ["maps.h", *(f"{probe.name}.bpf.c" for probe in PROBES)]
    program = Program("\n".join(read_source(name) for name in sources), definitions | ({"TYPED": 1} if typed else {}))
    attach = program.attach_typed_tracepoint if typed else program.attach_raw_tracepoint
    try:
        for item in attachments:
            attach(item.tracepoint, item.function)
    except BaseException:
        program.close()
        raise
    return program


def _load(definitions: dict[str, int], attachments: list[Attachment]) -> Program:
    """With typed arguments where the kernel lets us, which costs half per event; what both measure is the same."""
    try:
        return _load_as(definitions, attachments, typed=True)
    except HostError:
        return _load_as(definitions, attachments, typed=False)


class ProbeSession:
    """Loaded probes. `mechanisms`: probe name -> mechanism in use."""

    def __init__(self) -> None:
        self._symbols: Symbols = read_symbols()
        with open_btf() as btf:
            self.mechanisms = choose_mechanisms(btf)
            definitions = kernel_definitions(btf, self._symbols) | {"RING_PAGES": _RING_PAGES}
            attachments = [item for probe in PROBES for item in probe.attachable(btf)]
        self._program = _load(definitions, attachments)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._program.close()

    @contextmanager
    def measure(self, netns_inode: int, cookies: list[int], events_path: Path) -> Iterator[MeasurementCounts]:
        """Streams the events of the sockets of one network namespace, of them those with these cookies unless there are
        none, to a file of `struct zc_kernel_event`.

        The counts are filled in when the context is left.
        """
        counts = MeasurementCounts()
        lost, results = self._program.sum_per_cpu("lost_events"), self._program.sum_per_cpu("send_results")
        with events_path.open("wb") as events:
            self._forget()
            drain = self._start_drain(events.fileno())
            self._program.set_target(netns_inode, cookies)
            try:
                yield counts
            finally:
                self._program.set_target(0, [])
                counts.events = self._stop_drain(drain)
        counts.lost_events = self._program.sum_per_cpu("lost_events")[0] - lost[0]
        after = self._program.sum_per_cpu("send_results")
        counts.send_results = {
            errno: now - was for errno, (now, was) in enumerate(zip(after, results, strict=True)) if now > was
        }

    def _forget(self) -> None:
        """State of earlier runs: a socket of this one may have got the address of one that was never seen closed."""
        for name in ("sockets", "memlock_denied"):
            self._program.clear(name)
        self._program.set_u32("memlock_denied_ever", 0)

    def _start_drain(self, events_fd: int) -> object:
        drain = lib.zc_drain_start(
            self._program.map_fd("events"), events_fd, ffi.sizeof("struct zc_kernel_event"), _DRAIN_INTERVAL_NS
        )
        if drain == ffi.NULL:
            raise HostError(f"the ring buffer cannot be read: {os.strerror(ffi.errno)}", "run zcprobe doctor as root")
        return drain

    def _stop_drain(self, drain: object) -> int:
        count = ffi.new("uint64_t *")
        status = lib.zc_drain_stop(drain, count)
        if status:
            raise HostError(f"events cannot be stored: {os.strerror(-status)}", "free some space on the output's disk")
        return int(count[0])

    def resolve_stacks(self, stack_ids: list[int]) -> dict[int, list[str]]:
        """Stack id -> frames as `symbol+0xoffset`, innermost first, without those of the tracing itself."""
        return {stack_id: self._resolve(self._program.walk_stack(stack_id)) for stack_id in stack_ids}

    def _resolve(self, addresses: list[int]) -> list[str]:
        frames = [self._symbols.resolve(address) for address in addresses]
        own = [index for index, (name, _) in enumerate(frames) if name.startswith("bpf_trace_run")]
        return [f"{name}+{offset:#x}" for name, offset in frames[own[0] + 1 if own else 0 :]]
