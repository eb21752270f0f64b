# SPDX-License-Identifier: GPL-2.0-only
"""From the probes' C to programs in the kernel, by the best mechanism that the kernel lets us use."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from zcprobe.config import ProbeMechanism
from zcprobe.errors import HostError
from zcprobe.host.btf import Btf, open_btf
from zcprobe.host.symbols import read_symbols, require_addresses
from zcprobe.host.system import read_system
from zcprobe.native import lib
from zcprobe.probes.base import MECHANISMS, Function, Probe, Tracepoint, read_source, stand_in_of
from zcprobe.probes.bcc_backend import Program, import_bcc
from zcprobe.probes.errqueue import ERRQUEUE
from zcprobe.probes.layout import kernel_definitions
from zcprobe.probes.layout_cache import cached_definitions
from zcprobe.probes.memlock import MEMLOCK
from zcprobe.probes.optmem import OPTMEM
from zcprobe.probes.sendmsg import SENDMSG
from zcprobe.probes.skb import SKB
from zcprobe.probes.uarg import UARG
from zcprobe.probes.uring import URING, lack_of_uring, uring_definitions
from zcprobe.probes.waits import lack_of_calls, wait_definitions

__all__ = [
    "KPROBES",
    "PROBES",
    "WITH_STAND_IN",
    "WITNESS",
    "Loaded",
    "Needs",
    "attach_again",
    "find_definitions",
    "load_probes",
    "missing_symbols",
    "number_stand_ins",
]

PROBES: tuple[Probe, ...] = (MEMLOCK, OPTMEM, ERRQUEUE, UARG, SKB, SENDMSG)


def _with_stand_in(probe: Probe) -> set[str]:
    functions = {item.function for item in probe.functions if item.anywhere}
    return functions | {item.function for item in (*probe.tracepoints, *probe.beside_functions) if item.anywhere}


WITH_STAND_IN: tuple[str, ...] = tuple(sorted(set[str]().union(*map(_with_stand_in, PROBES))))
"""BPF functions that have a stand-in, in the order of the elements of the map `runs`."""

WITNESS = "sock_dequeue_err_skb"
"""A function that the probes need and that is exported, so it is never inlined everywhere."""

_RING_PAGES = 4096
KPROBES = Path("/sys/bus/event_source/devices/kprobe/type")


class Needs(msgspec.Struct, frozen=True):
    """Purpose of the session: whether events are wanted, whether RLIMIT_MEMLOCK can apply to senders, and whether
    processes are watched instead of a run of ours."""

    timeline: bool = True
    memlock: bool = True
    watch: bool = False

    def include(self, item: Tracepoint) -> bool:
        reasons = ((self.timeline, item.for_timeline), (self.memlock, item.for_memlock), (self.watch, item.for_watch))
        return all(wanted or not needed for wanted, needed in reasons)


class Loaded(msgspec.Struct):
    """`mechanisms`: probe name -> mechanism in use, or `none` if the probe attaches nothing. `attached`: what is
    watched. `lack_of_uring`: why io_uring is not watched, or None if it is; `lack_of_calls`: why a thread that sleeps
    counts as one that waits, or None if it does not."""

    program: Program
    mechanism: ProbeMechanism
    typed: bool
    needs: Needs
    lack_of_uring: str | None
    lack_of_calls: str | None
    mechanisms: dict[str, str] = msgspec.field(default_factory=dict)
    attached: list[str] = msgspec.field(default_factory=list)


def missing_symbols(btf: Btf) -> dict[ProbeMechanism, str | None]:
    """Mechanism -> what it would need and this kernel lacks, or None."""
    found: dict[ProbeMechanism, str | None] = {}
    for mechanism in MECHANISMS:
        reasons = (f"{probe.name}: {reason}" for probe in PROBES if (reason := probe.reason_not(mechanism, btf)))
        found[mechanism] = "; ".join(reasons) or None
    return found


def find_definitions(btf: Btf) -> dict[str, int]:
    """The macros with which the C is compiled. HostError names what this kernel lacks or hides, even if its layout was
    found earlier in this boot, because stacks need the names of symbols."""
    require_addresses()
    return cached_definitions(lambda: kernel_definitions(btf, read_symbols))


def _refusal_by_kernel(mechanism: ProbeMechanism, btf: Btf) -> str | None:
    """Checks what is known before anything is compiled."""
    if mechanism != "tracepoint" and read_system().lockdown == "confidentiality":
        return "the kernel is locked down (confidentiality): its memory is not for programs"
    if mechanism == "fentry":
        status = lib.zc_try_function(btf.handle, WITNESS.encode())
        return f"the kernel refuses to attach to {WITNESS}: {os.strerror(-status)}" if status else None
    if mechanism == "kprobe" and not KPROBES.exists():
        return "the kernel has no kprobes"
    return None


def number_stand_ins() -> dict[str, int]:
    """The macros that number the elements of `runs`."""
    numbers = {f"STAND_IN_{function}": number for number, function in enumerate(WITH_STAND_IN)}
    return {**numbers, "STAND_INS": len(numbers)}


def _compile(
    probes: Sequence[Probe], definitions: dict[str, int], mechanism: ProbeMechanism, *, typed: bool, watch: bool
) -> Program:
    source = read_source(f"{probe.name}.bpf.c" for probe in probes)
    switches = {
        "TYPED": typed,
        "FUNCTIONS": mechanism != "tracepoint",
        "KPROBES": mechanism == "kprobe",
        "WATCHED": watch,
    }
    chosen = {name: 1 for name, wanted in switches.items() if wanted}
    return Program(source, definitions | chosen | number_stand_ins() | {"RING_PAGES": _RING_PAGES})


def _attach_function(program: Program, item: Function, symbol: str, mechanism: ProbeMechanism) -> None:
    if mechanism == "fentry":
        try:
            if item.anywhere:  # first, because the kernel runs first what was attached last
                program.attach_fentry(symbol, stand_in_of(item.function), returns=item.returns)
            program.attach_fentry(symbol, item.function, returns=item.returns)
            return
        except HostError:
            if item.kretprobe is None:
                raise
    if item.kretprobe is not None:
        program.attach_kretprobe(symbol, item.kretprobe)
    else:
        program.attach_kprobe(symbol, item.function, returns=item.returns)


def _attach_functions(program: Program, probe: Probe, mechanism: ProbeMechanism, btf: Btf) -> list[str]:
    attached = []
    for item in probe.functions:
        if not item.is_wanted(btf):
            continue
        symbol = item.symbol(btf)
        assert symbol is not None  # otherwise the mechanism would not have been tried
        _attach_function(program, item, symbol, mechanism)
        attached.append(f"{symbol}{'()' if item.returns else ''}")
    return attached


def _attach_tracepoints(loaded: Loaded, probe: Probe, btf: Btf) -> list[str]:
    attached = []
    program = loaded.program
    attach = program.attach_typed_tracepoint if loaded.typed else program.attach_raw_tracepoint
    for item in probe.tracepoints if loaded.mechanism == "tracepoint" else probe.beside_functions:
        if item.exists(btf) and loaded.needs.include(item):
            attach(item.name, item.function)
            if item.anywhere:  # last, because programs on a tracepoint run in the order in which they were attached
                attach(item.name, stand_in_of(item.function))
            attached.append(item.name)
    return attached


def _probes_for(needs: Needs, lack_of_uring: str | None) -> tuple[Probe, ...]:
    return (*PROBES, URING) if needs.watch and lack_of_uring is None else PROBES


def _attach(loaded: Loaded, btf: Btf) -> None:
    mechanism, program = loaded.mechanism, loaded.program
    loaded.attached.clear()
    for probe in _probes_for(loaded.needs, loaded.lack_of_uring):
        own = [] if mechanism == "tracepoint" else _attach_functions(program, probe, mechanism, btf)
        own += _attach_tracepoints(loaded, probe, btf)
        loaded.attached += own
        # the tracepoints of other probes do the work of a probe without tracepoints; and a probe that is not needed
        # would find nothing: memlock cannot refuse a sender to which it does not apply
        derived = mechanism == "tracepoint" and all(not loaded.needs.include(item) for item in probe.tracepoints)
        loaded.mechanisms[probe.name] = mechanism if own or derived else "none"


def attach_again(loaded: Loaded) -> None:
    """Attaches what was detached. HostError if the kernel no longer lets it."""
    with open_btf() as btf, loaded.program.with_types(btf):
        _attach(loaded, btf)


def _load_as(definitions: dict[str, int], mechanism: ProbeMechanism, btf: Btf, needs: Needs, *, typed: bool) -> Loaded:
    lack = lack_of_uring(btf)
    if needs.watch:
        definitions = definitions | uring_definitions(btf) | wait_definitions(btf)
    program = _compile(_probes_for(needs, lack), definitions, mechanism, typed=typed, watch=needs.watch)
    loaded = Loaded(program, mechanism, typed, needs, lack, lack_of_calls(btf))
    try:
        with program.with_types(btf):
            _attach(loaded, btf)
    except BaseException:
        program.close()
        raise
    return loaded


def load_probes(wanted: ProbeMechanism | None = None, needs: Needs | None = None) -> Loaded:
    """Loads the probes by `wanted`, or by the first mechanism that works. HostError says why each of them failed.

    It uses tracepoints with typed arguments if the kernel allows them, which halves the cost per event; the numbers are
    the same.
    """
    import_bcc()  # without it nothing below can work, and its error has the best hint
    hint = "run as root; zcprobe doctor tells more; --probes none measures without probes"
    with open_btf() as btf:
        definitions = find_definitions(btf)
        missing = missing_symbols(btf)
        reasons = []
        for mechanism in [wanted] if wanted else MECHANISMS:
            reason = missing[mechanism] or _refusal_by_kernel(mechanism, btf)
            if reason is not None:
                reasons.append(f"{mechanism}: {reason}")
                continue
            for typed in (True, False) if mechanism == "tracepoint" else (False,):
                try:
                    return _load_as(definitions, mechanism, btf, needs or Needs(), typed=typed)
                except HostError as error:
                    reasons.append(f"{mechanism}: {error}")
                    hint = error.hint
    raise HostError("no mechanism of the kernel lets the probes in: " + "; ".join(reasons), hint)
