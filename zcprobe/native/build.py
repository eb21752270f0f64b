"""Builds zcprobe.native._core (cffi, API mode) from the C files beside this one."""

from pathlib import Path

from cffi import FFI

_HERE = Path(__file__).parent if "__file__" in globals() else Path("zcprobe/native")
_BPF = _HERE.parent.parent / "bpf"
_SOURCES = (
    "attach",
    "btf",
    "buffers",
    "channel",
    "confine",
    "drain",
    "errqueue",
    "notification",
    "pattern",
    "policy",
    "process",
    "records",
    "sender",
    "sink",
    "traffic",
)


def _declarations(header: Path) -> str:
    """The header without the lines that cffi does not read."""
    lines = header.read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("#pragma", "#if", "#endif", "#include")))


ffibuilder = FFI()
ffibuilder.cdef(_declarations(_HERE / "sender.h"))
ffibuilder.cdef(_declarations(_HERE / "probes.h"))
ffibuilder.cdef(_declarations(_BPF / "zcprobe.h"))
ffibuilder.set_source(
    "zcprobe.native._core",
    '#include "core.h"\n#include "zcprobe.h"\n',
    sources=[f"zcprobe/native/{stem}.c" for stem in _SOURCES],
    depends=["zcprobe/native/sender.h", "zcprobe/native/probes.h", "zcprobe/native/core.h", "bpf/zcprobe.h"],
    include_dirs=["zcprobe/native", "bpf"],
    libraries=["bpf", "pthread", "seccomp"],
    extra_compile_args=[
        "-O2",
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-D_GNU_SOURCE",
        "-fvisibility=hidden",  # calls within the core go straight there, not through the linker's table
    ],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
