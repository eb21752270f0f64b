# SPDX-License-Identifier: GPL-2.0-only
"""The only module that imports bcc, and only when probes are wanted: the import maps 65 MB."""

import errno
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.resources import as_file, files
from types import ModuleType
from typing import Any, BinaryIO

from zcprobe.errors import HostError
from zcprobe.host.bcc import find_bcc
from zcprobe.host.btf import Btf
from zcprobe.host.packages import install_command
from zcprobe.isolation import current_folder
from zcprobe.native import ffi, lib
from zcprobe.native.process import own_working_directory
from zcprobe.native.status import require, require_os
from zcprobe.native.structs import struct_to_dict
from zcprobe.signals import ENDING

__all__ = ["TURN_S", "Program", "become_compiler_thread", "import_bcc"]


TURN_S = 0.0002
"""Value for sys.setswitchinterval() while two threads work: a thread that returns from the compiler or the C core waits
at most this long for the interpreter. With Python's 5 ms a hundred such calls cost half a second."""


def become_compiler_thread() -> None:
    """Lets the calling thread compile beside others: BCC changes the working directory while it compiles, and only the
    main thread handles signals. HostError."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    own_working_directory()


def import_bcc() -> ModuleType:
    """The bcc module; HostError if it is missing, is another project of that name, or cannot be imported."""
    folder = find_bcc()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bcc 0.26 has escape sequences of which Python 3.12 warns
            import bcc
    except (ImportError, OSError) as error:  # OSError: one of its libraries is missing
        raise HostError(
            f"bcc in {folder} cannot be imported by {sys.executable}: {error}",
            f"install it anew: {install_command('bcc')}; or use --probes none",
        ) from error
    module: ModuleType = bcc
    return module


@contextmanager
def _captured_stderr() -> Iterator[BinaryIO]:
    """Catches what LLVM and libbpf write to file descriptor 2, which their exceptions do not contain."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.memfd_create("zcprobe-stderr"), "w+b") as captured:
        os.dup2(captured.fileno(), 2)
        try:
            yield captured
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextmanager
def _explained(what: str, hint: str) -> Iterator[None]:
    """bcc raises the bare class Exception and writes the reason to stderr; this makes one HostError of both."""
    with _captured_stderr() as captured:
        try:
            yield
        except Exception as error:
            captured.seek(0)
            lines = [line.strip() for line in captured.read().decode(errors="replace").splitlines() if line.strip()]
            telling = [line for line in lines if "error" in line.lower()] or lines
            reason = f"{error} ({telling[0]})" if telling else str(error)
            raise HostError(f"{what}: {reason}", hint) from error


_NAME_CHARACTERS = 15  # BPF_OBJ_NAME_LEN - 1

_HINT = "probes need root, or CAP_BPF and CAP_PERFMON; zcprobe doctor tells more; --probes none measures without them"


def _value(value: Any) -> Any:
    """An int, text, a list, or a dict of members, from what ctypes gives for a member of a struct."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if hasattr(value, "_fields_"):
        return _members(value)
    return [_value(one) for one in value] if hasattr(value, "__len__") else int(value)


def _members(leaf: Any) -> dict[str, Any]:
    return {member: _value(getattr(leaf, member)) for member, *_ in leaf._fields_}


class Program:
    """Compiled BPF C and its maps. HostError if the compiler or the kernel refuses it."""

    def __init__(self, text: str, definitions: dict[str, int]) -> None:
        self._btf: Btf | None = None
        bcc = self._bcc = import_bcc()
        flags = [
            f"-D{name}={value:#x}ULL" if value > 0xFFFF else f"-D{name}={value}" for name, value in definitions.items()
        ]
        with as_file(files("zcprobe.bpf")) as folder, _explained("the BPF program does not compile or load", _HINT):
            # BCC compiles against this folder, so kernel headers need not be installed
            os.environ["BCC_KERNEL_SOURCE"] = str(folder / "kernel")
            self._links: dict[str, int] = {}
            self._raw_links: list[int] = []
            self._kprobes: list[Callable[[], None]] = []
            # BCC has clang look for headers in the current folder, before all others
            with current_folder(str(folder)):
                # and asks for debug information that we do not use and that takes an eighth of the time
                self._bpf: Any = bcc.BPF(text=text.encode(), cflags=[*flags, f"-I{folder}", "-g0"])

    @contextmanager
    def with_types(self, btf: Btf) -> Iterator[None]:
        """The kernel's types for all programs that are attached by BTF inside the context. Outside they are read again
        for each one, which takes some 15 ms."""
        self._btf = btf
        try:
            yield
        finally:
            self._btf = None

    def attach_raw_tracepoint(self, tracepoint: str, function: str) -> None:
        with _explained(f"raw tracepoint {tracepoint} cannot be attached", _HINT):
            program = self._bpf.load_func(function.encode(), self._bcc.BPF.RAW_TRACEPOINT)
            # BCC's own method attaches only one program to a tracepoint
            link = self._bcc.lib.bpf_attach_raw_tracepoint(program.fd, tracepoint.encode())
            self._raw_links.append(require_os(link))

    def instructions(self, function: str) -> bytes:
        """The compiled function, not yet loaded."""
        compiled: bytes = self._bpf.dump_func(function.encode())
        return compiled

    def _attach_by_btf(self, point: int, target: str, function: str) -> None:
        instructions = self.instructions(function)
        name = function[:_NAME_CHARACTERS].encode()
        btf = ffi.NULL if self._btf is None else self._btf.handle
        link = lib.zc_attach_by_btf(btf, name, instructions, len(instructions), point, target.encode())
        self._links[function] = require_os(link)

    def attach_typed_tracepoint(self, tracepoint: str, function: str) -> None:
        """Attaches to a tracepoint with typed arguments; the text must have been compiled with TYPED."""
        with _explained(f"typed tracepoint {tracepoint} cannot be attached", _HINT):
            self._attach_by_btf(lib.ZC_ATTACH_TRACEPOINT, tracepoint, function)

    def attach_fentry(self, symbol: str, function: str, *, returns: bool) -> None:
        """Attaches to a function's entry, or to its return (fexit)."""
        with _explained(f"{'fexit' if returns else 'fentry'} of {symbol} cannot be attached", _HINT):
            self._attach_by_btf(lib.ZC_ATTACH_RETURN if returns else lib.ZC_ATTACH_ENTRY, symbol, function)

    def attach_kprobe(self, symbol: str, function: str, *, returns: bool = False) -> None:
        """Attaches to a function's entry; with `returns` attaches to its return, and `<function>_entry` to its
        entry."""
        with _explained(f"kprobe {symbol} cannot be attached", _HINT):
            self._attach_kprobe(symbol, f"{function}_entry" if returns else function)
            if returns:
                self._attach_kretprobe(symbol, function)

    def _attach_kprobe(self, symbol: str, function: str) -> None:
        where = {"event": symbol.encode(), "fn_name": function.encode()}
        self._bpf.attach_kprobe(**where)
        self._kprobes.append(partial(self._bpf.detach_kprobe, **where))

    def _attach_kretprobe(self, symbol: str, function: str) -> None:
        where = {"event": symbol.encode(), "fn_name": function.encode()}
        self._bpf.attach_kretprobe(**where)
        self._kprobes.append(partial(self._bpf.detach_kretprobe, **where))

    def attach_kretprobe(self, symbol: str, function: str) -> None:
        """Attaches only to a function's return."""
        with _explained(f"kretprobe {symbol} cannot be attached", _HINT):
            self._attach_kretprobe(symbol, function)

    def statistics(self) -> dict[str, dict[str, int]]:
        """BPF function -> members of `struct zc_program_statistics`."""
        descriptors = {name: (link, True) for name, link in self._links.items()}
        for name, function in self._bpf.funcs.items():
            descriptors.setdefault(name.decode(), (function.fd, False))
        found = {}
        for name, (descriptor, is_link) in descriptors.items():
            statistics = ffi.new("struct zc_program_statistics *")
            status = lib.zc_program_statistics(descriptor, is_link, statistics)
            if not status:
                found[name] = struct_to_dict(statistics)
            elif status != -errno.EPERM:  # only CAP_SYS_ADMIN may ask for the program of a link
                require(status, f"what {name} counted cannot be read", "run again")
        return found

    def map_fd(self, name: str) -> int:
        return int(self._bpf[name.encode()].map_fd)

    def set_u32(self, name: str, value: int) -> None:
        """Sets element 0 of an array map."""
        table = self._bpf[name.encode()]
        table[table.Key(0)] = table.Leaf(value)

    def set_target(self, netns_inode: int, cookies: list[int], tgid: int, level: int) -> None:
        """Sets whose events to count and stream: the sockets of a namespace; of these only those with the given
        cookies, if any are given; of these only those on which process `tgid` sends, unless it is 0."""
        self._set_members("target_cookies", cookies)
        table = self._bpf[b"target"]
        table[table.Key(0)] = table.Leaf(netns_inode, bool(cookies), tgid, level, 0, 0, 0)

    def set_processes(self, tgids: Iterable[int], tids: list[int], level: int, *, follow: bool) -> None:
        """Sets whose events to count and stream: the sockets with zerocopy on which these processes send; of these only
        those on which these threads send, if any are given. `follow`: later children are added."""
        self.clear("target_processes")
        self.add_processes(tgids)
        self._set_members("target_threads", tids)
        table = self._bpf[b"target"]
        table[table.Key(0)] = table.Leaf(0, 0, 0, level, 1, bool(tids), follow)

    def add_processes(self, tgids: Iterable[int]) -> None:
        table = self._bpf[b"target_processes"]
        for tgid in tgids:
            table[table.Key(tgid)] = table.Leaf(1)

    def _set_members(self, name: str, keys: list[int]) -> None:
        table = self._bpf[name.encode()]
        table.clear()
        for key in keys:
            table[table.Key(key)] = table.Leaf(1)

    def clear(self, name: str) -> None:
        """Empties a hash map; zeroes an array."""
        self._bpf[name.encode()].clear()

    def structs(self, name: str, keys: Iterable[int] | None = None) -> dict[int, dict[str, Any]]:
        """The C structs of a map by their keys, of all or of these: member -> int, text for characters, a dict for
        a struct, or a list for an array.

        Programs may add and remove elements meanwhile; vanished ones are left out.
        """
        table = self._bpf[name.encode()]
        found = {}
        for key in table.keys() if keys is None else map(table.Key, keys):
            with suppress(KeyError):
                found[int(key.value)] = _members(table[key])
        return found

    def numbers(self, name: str) -> dict[int, int]:
        """A hash map of integers."""
        return {int(key.value): int(leaf.value) for key, leaf in self._bpf[name.encode()].items()}

    def items(self, name: str) -> list[tuple[dict[str, Any], int]]:
        """A hash map of integers whose keys are C structs, as in `structs`."""
        return [(_members(key), int(leaf.value)) for key, leaf in self._bpf[name.encode()].items()]

    def per_cpu(self, name: str) -> list[list[int]]:
        """Each element of a per-CPU array map, by CPU."""
        return [[int(part) for part in values] for values in self._bpf[name.encode()].values()]

    def sum_per_cpu(self, name: str) -> list[int]:
        """Each element of a per-CPU array map, summed over the CPUs."""
        return [sum(int(part) for part in values) for values in self._bpf[name.encode()].values()]

    def sum_structs_per_cpu(self, name: str, member: str) -> list[int]:
        """A member of each struct of a per-CPU array map, summed over the CPUs."""
        return [sum(int(getattr(part, member)) for part in values) for values in self._bpf[name.encode()].values()]

    def walk_stack(self, stack_id: int) -> list[int]:
        """Kernel addresses of one stack, innermost first."""
        return [int(address) for address in self._bpf[b"stacks"].walk(stack_id)]

    def detach(self) -> None:
        """Detaches all programs. What they counted stays in their maps."""
        for link in (*self._links.values(), *self._raw_links):
            os.close(link)
        self._links.clear()
        self._raw_links.clear()
        for detach in self._kprobes:
            detach()
        self._kprobes.clear()

    def close(self) -> None:
        self.detach()
        self._bpf.cleanup()
