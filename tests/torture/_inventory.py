# SPDX-License-Identifier: GPL-2.0-only
"""Everything on this host that a run could leave behind, and which parts of it are new."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.torture._bpf import ids_of

__all__ = ["Inventory", "differences", "take_inventory"]

Inventory = dict[str, set[str]]

_SETTLE_S = 15.0
"""Longest wait for what may outlive a process by a moment: programs are freed after an RCU grace period."""
_SYSCTLS = ("net/core/*", "net/ipv4/tcp_*mem", "net/ipv4/tcp_congestion_control", "kernel/bpf_*", "vm/*hugepages")
_JOURNALS = Path("/run/zcprobe")
_LAYOUTS = Path("/run/zcprobe-layout")


def _words(*words: str) -> list[dict[str, object]]:
    out = subprocess.run(words, capture_output=True, check=True).stdout
    found: list[dict[str, object]] = json.loads(out) if out.strip() else []
    return found


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {f"{name} {(folder / name).stat().st_ino}" for name in _names(folder)}


def _sysctls() -> set[str]:
    found = set()
    for pattern in _SYSCTLS:
        for path in Path("/proc/sys").glob(pattern):
            if os.access(path, os.R_OK):
                found.add(f"{path}={path.read_bytes()!r}")
    return found


def _texts(pattern: str) -> Iterator[tuple[int, bytes]]:
    """The content of that file for each process; processes that have ended by then are left out."""
    for path in Path("/proc").glob(f"[0-9]*/{pattern}"):
        try:
            yield int(path.parts[2]), path.read_bytes()
        except OSError:
            continue


def _processes() -> set[str]:
    """Senders, sinks and the command itself, of this installation, whose parent has gone: others are somebody's."""
    names = {b"zcprobe.sender.process", b"zcprobe.sink.process", b"zcprobe"}
    own = os.fsencode(sys.executable)
    mine = {pid: line for pid, line in _texts("cmdline") if line.startswith(own) and names & set(line.split(b"\0"))}
    parents = {pid: int(line.rpartition(b")")[2].split()[1]) for pid, line in _texts("stat")}
    return {f"{pid} {line!r}" for pid, line in mine.items() if parents.get(pid) in (1, os.getpid())}


def _held() -> set[str]:
    """BPF objects that a live process holds. They belong to somebody else, who will release them."""
    held = set()
    for _, text in _texts("fdinfo/*"):
        for line in text.splitlines():
            name, _, value = line.partition(b":")
            if name in (b"prog_id", b"map_id", b"link_id"):
                held.add(f"{name[:-3].decode()} {value.strip().decode()}")
    return held


def take_inventory(*folders: Path) -> Inventory:
    """`folders`: whose entries count, with everything below them."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return {
        "namespace": _namespaces(),
        "link": {str(item["ifname"]) for item in _words("ip", "-j", "link")},
        "qdisc": {f"{item.get('dev')} {item['kind']}" for item in _words("tc", "-j", "qdisc")},
        "BPF object": {f"{kind} {number}" for kind in ("prog", "map", "link") for number in ids_of(kind)},
        "pin": _names(Path("/sys/fs/bpf")),
        "sysctl": _sysctls(),
        "process": _processes(),
        "mount": {line.split()[4] for line in mounts},
        "journal": {name for name in _names(_JOURNALS) if not name.endswith(".lock")},
        "layout": {name for name in _names(_LAYOUTS) if not name.endswith(".json")},
        "temporary of bcc": _names(Path("/var/tmp/bcc")),
        "entry": {str(path) for folder in folders for path in folder.rglob("*")},
    }


def _once(before: Inventory, now: Inventory) -> list[str]:
    found = []
    for kind, was in before.items():
        new, gone = now[kind] - was, was - now[kind]
        if kind == "BPF object":
            new, gone = new - _held(), set()
        found += [f"{kind} {name} is new" for name in sorted(new)]
        found += [f"{kind} {name} is gone" for name in sorted(gone)]
    return found


def differences(before: Inventory, *folders: Path) -> list[str]:
    """A sentence for each thing that is new or gone, after waiting for things that end on their own."""
    deadline = time.monotonic() + _SETTLE_S
    while (found := _once(before, take_inventory(*folders))) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
