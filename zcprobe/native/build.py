# SPDX-License-Identifier: GPL-2.0-only
"""Builds zcprobe.native._core (cffi, API mode) from the C files beside this one.

ZCPROBE_WERROR=1 in the environment makes every compiler warning an error. It is for those who work on the core: a new
warning of a new compiler must not keep a user from installing zcprobe.
"""

import os
from pathlib import Path

from cffi import FFI

_HERE = Path(__file__).parent if "__file__" in globals() else Path("zcprobe/native")
_BPF = _HERE.parent.parent / "bpf"
_DECLARATIONS = (
    "records",
    "recorder",
    "policies",
    "engines",
    "notification",
    "result",
    "latency",
    "channel",
    "content",
    "traffic",
    "sink",
    "process",
    "btf",
    "attach",
    "iterator",
    "event_reader",
)
"""Headers of decl/, each after those that it includes: the C compiler reads them, and cffi in this order."""

_HEADERS = {f"decl/{stem}.h": _HERE / "decl" / f"{stem}.h" for stem in _DECLARATIONS} | {
    name: _BPF / name for name in ("zcprobe.h", "sockets.h")
}

C_FLAGS = (
    "-O2",
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",
    "-D_GNU_SOURCE",
    "-fvisibility=hidden",  # calls within the core go straight there, not through the linker's table
    *(("-Werror",) if os.environ.get("ZCPROBE_WERROR") == "1" else ()),
)


def _declarations(header: Path) -> str:
    """The header without the lines that cffi does not read."""
    lines = header.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#pragma", "#if", "#endif", "#include")))


ffibuilder = FFI()
for path in _HEADERS.values():
    ffibuilder.cdef(_declarations(path))
ffibuilder.set_source(
    "zcprobe.native._core",
    "".join(f'#include "{name}"\n' for name in _HEADERS),
    sources=[f"zcprobe/native/{path.name}" for path in sorted(_HERE.glob("*.c")) if path.name != "_core.c"],
    depends=[
        *(f"zcprobe/native/{path.name}" for path in sorted(_HERE.glob("*.h"))),
        *(f"zcprobe/native/{name}" for name in _HEADERS if name.startswith("decl/")),
        "bpf/zcprobe.h",
        "bpf/sockets.h",
    ],
    include_dirs=["zcprobe/native", "bpf"],
    libraries=["bpf", "pthread", "seccomp"],
    extra_compile_args=list(C_FLAGS),
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
