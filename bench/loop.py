# SPDX-License-Identifier: GPL-2.0-only
"""Goodput of our recording sender divided by that of a bare C loop that only sends, with zerocopy and copying.

    .venv/bin/python bench/loop.py [--connections 7] [--pairs 9] [--json FILE]

Needs root and an otherwise idle machine; also needs gcc. Prints the median ratio over the pairs of all connections and
its 95 % bootstrap interval. It uses several connections because the ratio differs more between connections than within
one.
"""

import argparse
import json
import mmap
import socket
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from cffi import FFI
from connection import describe, on_connections, pair_ratios

from zcprobe.native import ffi, lib
from zcprobe.overhead.connection import block_sends, connected_lab, recording, send_block

BOUND = 0.97
SIZES = (4096, 65536, 524288)
MSG_ZEROCOPY = 0x4000000


def compile_bare_loop(folder: str) -> Any:
    library = f"{folder}/bare_loop.so"
    source = Path(__file__).with_name("bare_loop.c")
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library, str(source)], check=True)
    bare = FFI()
    bare.cdef(
        "int64_t bare_loop(int fd, const uint8_t *pattern, uint64_t period, uint32_t bytes, uint64_t count, int flags);"
    )
    return bare, bare.dlopen(library)


def bare_block(bare: Any, connection: socket.socket, pattern: Any, size: int, *, zerocopy: bool) -> float:
    """Bytes per nanosecond that one block of the bare loop sends."""
    interface, library = bare
    count = block_sends(size)
    address = interface.cast("const uint8_t *", int(ffi.cast("uintptr_t", pattern)))
    flags = MSG_ZEROCOPY if zerocopy else 0
    took_ns = library.bare_loop(connection.fileno(), address, lib.ZC_PATTERN_BYTES, size, count, flags)
    assert took_ns > 0
    return float(size * count / took_ns)


def our_block(connection: socket.socket, size: int, *, zerocopy: bool) -> float:
    with recording() as recorder:
        return send_block(connection, size, recorder, zerocopy=zerocopy)


def measure(bare: Any, size: int, pairs: int, *, zerocopy: bool) -> list[float]:
    memory = mmap.mmap(-1, lib.ZC_PATTERN_BYTES + size)
    pattern = ffi.from_buffer("uint8_t[]", memory)
    lib.zc_pattern_fill(pattern, len(pattern))
    with connected_lab() as (_, connection):
        sides = {
            "on": lambda: our_block(connection, size, zerocopy=zerocopy),
            "off": lambda: bare_block(bare, connection, pattern, size, zerocopy=zerocopy),
        }
        return pair_ratios(sides, pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=7)
    parser.add_argument("--pairs", type=int, default=9, help="pairs on each connection (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the ratios to this file")
    options = parser.parse_args()
    results = {}
    count = f"{options.pairs} pairs on each of {options.connections} connections"
    print(f"goodput ours / bare loop, recording on, n = {count}: median [95 % interval]")
    with tempfile.TemporaryDirectory() as folder:
        bare = compile_bare_loop(folder)
        for size in SIZES:
            for zerocopy in (True, False):
                once = partial(measure, bare, size, options.pairs, zerocopy=zerocopy)
                ratios = on_connections(options.connections, once)
                what = "zerocopy" if zerocopy else "copy"
                results[f"{what}-{size}"] = ratios
                print(describe(what, size, BOUND, ratios), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
