# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel and iproute2 show about a run while it lasts: its namespaces, sockets, queues and processes.

Another process watches the run through interfaces that anybody on this host could use, without help from zcprobe.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from zcprobe.lab.namespace import NAMESPACE_FOLDER

__all__ = [
    "Namespaces",
    "Processes",
    "Seen",
    "find_processes",
    "inside",
    "read_counters",
    "read_qdiscs",
    "read_unread_bytes",
    "watched",
    "write_token",
]

_INTERVAL_S = 0.05
_LONGEST_S = 60.0


class Namespaces(NamedTuple):
    """Names of the sender's and of the sink's, None before they are there."""

    sender: str
    sink: str


class Processes(NamedTuple):
    """Their ids: the command itself, and the children that send and receive."""

    command: int
    sender: int
    sink: int | None


class Seen(NamedTuple):
    """`values`: the results of all looks, oldest first, without None and failed looks. `run`: run.json."""

    run: dict[str, Any]
    code: int
    values: list[Any]
    elapsed_s: float


def write_token(folder: Path) -> None:
    """The file `token`, as a sink and a sender that share one are given it."""
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text("0123456789abcdef" * 2 + "\n")


def inside(namespace: str, *words: str) -> str:
    """stdout of a command in the network namespace of that name, or that a path leads to."""
    command = ["nsenter", f"--net={NAMESPACE_FOLDER / namespace}", "--", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def read_qdiscs(namespace: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(device, kind) -> what tc says of each queue."""
    listed = json.loads(inside(namespace, "tc", "-s", "-j", "qdisc", "show"))
    return {(qdisc["dev"], qdisc["kind"]): qdisc for qdisc in listed}


def read_counters(namespace: str) -> dict[str, int]:
    """The namespace's counters of IP, TCP and UDP, by the names that nstat prints."""
    counters: dict[str, int] = {}
    for path in ("/proc/net/snmp", "/proc/net/netstat"):
        lines = [line.split() for line in inside(namespace, "cat", path).splitlines()]
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            prefix = names[0].removesuffix(":")
            counters |= {f"{prefix}{name}": int(value) for name, value in zip(names[1:], values[1:], strict=True)}
    for line in inside(namespace, "cat", "/proc/net/snmp6").splitlines():
        name, value = line.split()
        counters[name] = int(value)
    return counters


def read_unread_bytes(namespace: str) -> int:
    """That TCP sockets of the namespace hold for readers that have not come for it (Recv-Q of ss)."""
    lines = inside(namespace, "cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
    queues = [line.split()[4] for line in lines if re.match(r" *\d+:", line)]
    return sum(int(queue.partition(":")[2], 16) for queue in queues)


def _find_namespaces() -> Namespaces | None:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    names = sorted(re.findall(r"^zcprobe-\S+-[rt]x", listed, re.MULTILINE))
    ends = {name[-2:]: name for name in names}
    return Namespaces(ends["tx"], ends["rx"]) if len(ends) == 2 else None


def find_processes(command: int) -> Processes | None:
    """None before they are there."""
    found: dict[str, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            words = (status.parent / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == command:
            found |= {
                end: int(status.parent.name) for end in ("sender", "sink") if f"zcprobe.{end}.process".encode() in words
            }
    return Processes(command, found["sender"], found.get("sink")) if "sender" in found else None


def watched(
    process: "subprocess.Popen[str]",
    look: Callable[[Namespaces], Any] | None = None,
    look_at: Callable[[Processes], Any] | None = None,
) -> Seen:
    """A `zcprobe run -J` under way, looked at 20 times a second until it has ended."""
    values, began = [], time.monotonic()
    while process.poll() is None and time.monotonic() - began < _LONGEST_S:
        try:
            namespaces = _find_namespaces() if look else None
            processes = find_processes(process.pid) if look_at else None
            if look and namespaces:
                values.append(look(namespaces))
            if look_at and processes:
                values.append(look_at(processes))
        except (OSError, subprocess.CalledProcessError, ValueError):
            pass  # it was just made, or has already vanished
        time.sleep(_INTERVAL_S)
    elapsed_s = time.monotonic() - began
    out, error = process.communicate(timeout=10)
    assert error == "", error
    seen = [value for value in values if value is not None]
    return Seen(msgspec.json.decode(out), process.returncode, seen, elapsed_s)
