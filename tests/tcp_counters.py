# SPDX-License-Identifier: GPL-2.0-only
"""TCP's own counters of a namespace, which the kernel shows and zcprobe does not look at."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.repeated import repeated
from zcprobe.lab.namespace import list_namespaces, run_in_namespace

__all__ = ["read_tcp_counters", "watched_sinks"]

_INTERVAL_S = 0.2


def read_tcp_counters(namespace: str) -> dict[str, int]:
    """TcpExt of /proc/net/netstat by name; since the namespace was made."""
    text = run_in_namespace(namespace, lambda: Path("/proc/thread-self/net/netstat").read_text())
    names, values = (line.split()[1:] for line in text.splitlines() if line.startswith("TcpExt:"))
    return dict(zip(names, map(int, values), strict=True))


@contextmanager
def watched_sinks() -> Iterator[dict[str, dict[str, int]]]:
    """The last counters seen in each sink's namespace, by name: they are gone with the run."""
    seen: dict[str, dict[str, int]] = {}

    def look() -> None:
        for name in list_namespaces():
            if name.endswith("-rx"):
                with suppress(OSError):  # it has already vanished
                    seen[name] = read_tcp_counters(name)

    with repeated(look, _INTERVAL_S):
        yield seen
