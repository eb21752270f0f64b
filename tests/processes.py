# SPDX-License-Identifier: GPL-2.0-only
"""The processes of a command, found from outside."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["child_of", "listening_sink"]


def child_of(pid: int, module: str) -> int | None:
    """The process of its sender or sink, of which the module's name is a word."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            words = (path.parent / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid and module.encode() in words:
            return int(path.parent.name)
    return None


@contextmanager
def listening_sink(start_zcprobe: "Callable[..., subprocess.Popen[str]]", port: str) -> Iterator[None]:
    """A sink on loopback, until the context is left."""
    process = start_zcprobe("sink", "-B", "127.0.0.1", "-p", port)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("listening on")
    yield
    process.terminate()
    process.wait()
