# SPDX-License-Identifier: GPL-2.0-only
"""A probe: the kernel path that it watches, its BPF programs, and what it cannot see.

Each probe has a module, with its BPF C in the `.bpf.c` file of the same name.
"""

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

import msgspec

from zcprobe.config import ProbeMechanism
from zcprobe.host.btf import Btf

__all__ = ["MECHANISMS", "Function", "Probe", "Tracepoint", "read_source", "stand_in_of"]

MECHANISMS: tuple[ProbeMechanism, ...] = ("fentry", "kprobe", "tracepoint")
"""The mechanisms, in the order in which they are tried."""


def stand_in_of(function: str) -> str:
    """The BPF function that acts where the kernel skipped this one."""
    return f"stand_in_{function}"


class Tracepoint(msgspec.Struct, frozen=True):
    """A BPF function on a raw tracepoint that passes at least `arguments` arguments; `since` is for people.

    Each run of a program costs time, so two are attached only if they can add something: `for_timeline` if events are
    wanted, `for_memlock` if RLIMIT_MEMLOCK can apply to a sender, `for_watch` if processes are watched. `anywhere`: as
    of a Function.
    """

    name: str
    function: str
    arguments: int
    since: str
    required: bool = True
    for_timeline: bool = False
    for_memlock: bool = False
    for_watch: bool = False
    anywhere: bool = False

    def exists(self, btf: Btf) -> bool:
        count = btf.tracepoint_arguments(self.name)
        return count is not None and count >= self.arguments

    def lack(self, btf: Btf) -> str:
        """Why the tracepoint does not exist as needed."""
        if btf.tracepoint_arguments(self.name) is None:
            return f"no tracepoint {self.name} ({self.since})"
        return f"tracepoint {self.name} without argument {self.arguments} ({self.since})"


class Function(msgspec.Struct, frozen=True):
    """A BPF function on the entry, or with `returns` on the return, of the first of `symbols` that the kernel has.

    `kretprobe`: the BPF function that does the same by kretprobe, if only the result is needed. It is also used with
    fentry, if the kernel's fexit does not support so many arguments. `only_with`: this one is attached only if the
    kernel has that function. `anywhere`: it runs in any context, so that one event can interrupt the program at
    another event, at which the kernel skips the program; then its stand-in is attached too (stand_in.h).
    """

    symbols: tuple[str, ...]
    function: str
    returns: bool = True
    kretprobe: str | None = None
    only_with: str | None = None
    anywhere: bool = False

    def is_wanted(self, btf: Btf) -> bool:
        return self.only_with is None or btf.function_arguments(self.only_with) is not None

    def symbol(self, btf: Btf) -> str | None:
        """Whether the kernel has the function according to BTF. If the symbol table has only a clone of it (`.isra.0`),
        the kernel refuses to attach."""
        return next((name for name in self.symbols if btf.function_arguments(name) is not None), None)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """`tells` is what it measures; `blind` is what its functions cannot see, `blind_tracepoints` what its tracepoints
    cannot see."""

    name: str
    tells: str
    blind: str
    blind_tracepoints: str
    functions: tuple[Function, ...] = ()
    tracepoints: tuple[Tracepoint, ...] = ()
    beside_functions: tuple[Tracepoint, ...] = ()
    """Tracepoints that its functions need in addition."""

    def reason_not(self, mechanism: ProbeMechanism, btf: Btf) -> str | None:
        """Why it cannot run by this mechanism here, according to BTF; None if there is no reason."""
        if mechanism == "tracepoint":
            tracepoints = self.tracepoints
        else:
            tracepoints = self.beside_functions
            absent = [item for item in self.functions if item.is_wanted(btf) and item.symbol(btf) is None]
            if absent:
                return "; ".join(f"no function {' or '.join(item.symbols)} (inlined or absent)" for item in absent)
        missing = [item for item in tracepoints if item.required and not item.exists(btf)]
        return "; ".join(item.lack(btf) for item in missing) or None


_INCLUDE = re.compile(r'#include "([\w.]+)"')


def _expand(name: str, seen: set[str]) -> Iterator[str]:
    """The lines of a file of zcprobe.bpf, with each file that it includes where it is first included."""
    seen.add(name)
    yield f'#line 1 "{name}"'
    for number, line in enumerate(files("zcprobe.bpf").joinpath(name).read_text().splitlines(), 1):
        included = _INCLUDE.match(line)
        if included and included[1] not in seen:
            yield from _expand(included[1], seen)
            yield f'#line {number + 1} "{name}"'
        elif included or line == "#pragma once":
            yield ""
        else:
            yield line


def read_source(names: Iterable[str]) -> str:
    """Files of the package zcprobe.bpf as one text, with the files that they include, each once.

    BCC rewrites operations on maps only in the text that it is given, not in headers. `#line` lets the compiler's
    messages name the files. Includes must be at the top of a file, outside of any `#if`.
    """
    seen: set[str] = set()
    return "\n".join(line for name in names if name not in seen for line in _expand(name, seen)) + "\n"
