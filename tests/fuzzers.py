# SPDX-License-Identifier: GPL-2.0-only
"""The parsers of the C core under libFuzzer: what each reads, its first inputs, and the kinds of input it must meet."""

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.unit.native.test_notification import control
from zcprobe.native import ffi, lib

__all__ = ["FUZZERS", "FuzzError", "Fuzzer", "fuzz"]

_ROOT = Path(__file__).parents[1]
_CORE = _ROOT / "zcprobe/native"
_FLAGS = ("-g", "-O1", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined")
_SANITIZERS = "-fsanitize=fuzzer,address,undefined"


class Fuzzer(NamedTuple):
    """`program`: a file beside the tests of the core; `sources`: files of the core that it does not include itself.
    `kinds`: number of kinds of input that it counts, each of which must occur."""

    program: str
    sources: tuple[str, ...]
    libraries: tuple[str, ...]
    longest_bytes: int
    seeds: Callable[[], list[bytes]]
    kinds: int


class FuzzError(Exception):
    """The output of the fuzzer."""


def _notifications() -> list[bytes]:
    """One valid message of each family."""
    return [control(level, kind) for level, kind in ((0, 11), (41, 25), (287, 1))]


def _frame(position: int, payload: bytes, padding: int = 0) -> bytes:
    size = ffi.sizeof("struct zc_frame")
    header = ffi.new("struct zc_frame *", (lib.ZC_FRAME_MAGIC, size + padding, position, len(payload)))
    return bytes(ffi.buffer(header)) + bytes(padding) + payload


def _streams() -> list[bytes]:
    """A plain stream, a framed one, and datagrams of which one comes twice; whole, and in pieces."""
    content = ffi.new("uint8_t[]", 100)
    lib.zc_pattern_fill(content, 100)
    sent = bytes(ffi.buffer(content))
    frames = _frame(0, sent[:37]) + _frame(37, sent[37:40], padding=5) + _frame(40, sent[40:])
    datagram = _frame(0, sent[:12])
    return [
        *(bytes([mode, cut]) + stream for cut in (255, 1, 23) for mode, stream in ((0, sent), (1, frames))),
        bytes([2, 255]) + datagram,
        bytes([2, 35]) + datagram + datagram,  # of 36 bytes each
    ]


def _type_information() -> list[bytes]:
    """struct s { int a; struct { int b; }; }, behind typedefs; enum e, a function f and a tracepoint t."""
    strings, offsets = b"\0", {}
    for name in ("int", "s", "a", "b", "e", "f", "btf_trace_t", "T"):
        offsets[name] = len(strings)
        strings += name.encode() + b"\0"

    def kind(name: str | None, number: int, count: int, last: int, *rest: int) -> bytes:
        words = (offsets.get(name or "", 0), number << 24 | count, last, *rest)
        return struct.pack(f"<{len(words)}I", *words)

    types = (
        kind("int", 1, 0, 4, 32),  # 1
        kind(None, 4, 1, 4, offsets["b"], 1, 0),  # 2: an anonymous struct
        kind("T", 8, 0, 2),  # 3: a typedef of it
        kind("s", 4, 3, 12, offsets["a"], 3, 0, 0, 2, 32, offsets["b"], 1, 64),  # 4
        kind("e", 6, 1, 4, offsets["a"], 7),  # 5
        kind(None, 13, 2, 0, offsets["a"], 1, 0, 4),  # 6: a prototype
        kind("f", 12, 0, 6),  # 7
        kind(None, 2, 0, 6),  # 8: a pointer
        kind("btf_trace_t", 8, 0, 8),  # 9
    )
    body = b"".join(types)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings))
    return [header + body + strings]


FUZZERS = {
    "notification": Fuzzer("fuzz_notification.c", ("notification.c",), (), 96, _notifications, 5),
    "sink": Fuzzer("fuzz_sink.c", ("pattern.c",), (), 400, _streams, 5),
    "btf": Fuzzer("fuzz_btf.c", (), ("-lbpf",), 600, _type_information, 3),
}


def _findings(printed: str) -> str:
    """The first message of the sanitizers or libFuzzer about the input that broke the parser, and that input."""
    lines = printed.splitlines()
    first = next((number for number, line in enumerate(lines) if "ERROR" in line or "error:" in line), 0)
    return "\n".join([*lines[first : first + 12], *lines[-3:]])[:8000]


def _run(*words: object) -> str:
    result = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if result.returncode:
        raise FuzzError(_findings(result.stdout))
    return result.stdout


def fuzz(name: str, runs: int, seed: int, folder: Path) -> dict[int, int]:
    """Kind -> number of inputs of that kind. FuzzError with the output if an input breaks the parser, or if the
    parser's answer differs from the one that the target computes. The input is left in `folder`."""
    fuzzer = FUZZERS[name]
    target, corpus, seeds = folder / f"fuzz-{name}", folder / f"corpus-{name}", folder / f"seeds-{name}"
    sources = [_ROOT / "tests/kernel/native" / fuzzer.program, *(_CORE / source for source in fuzzer.sources)]
    flags = (*_FLAGS, _SANITIZERS, "-D_GNU_SOURCE", f"-I{_CORE}", f"-I{_ROOT / 'bpf'}")
    _run("clang", *flags, "-o", target, *sources, *fuzzer.libraries, "-lpthread")
    corpus.mkdir()
    seeds.mkdir()
    for number, content in enumerate(fuzzer.seeds()):
        (seeds / str(number)).write_bytes(content)
    limits = (f"-runs={runs}", f"-seed={seed}", f"-max_len={fuzzer.longest_bytes}", "-timeout=10")
    printed = _run(target, *limits, f"-artifact_prefix={folder}/", corpus, seeds)
    if f"Done {runs} runs" not in printed:
        raise FuzzError(printed[-4000:])
    return {int(kind): int(count) for kind, count in re.findall(r"^check (\d+): (\d+)$", printed, re.MULTILINE)}
