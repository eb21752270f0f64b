# SPDX-License-Identifier: GPL-2.0-only
"""The process of one attack: runs it in a child, and ends whatever the child leaves running."""

import ctypes
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _attack(path: Path, rounds: int, seed: int) -> list[str]:
    spec = importlib.util.spec_from_file_location(f"tests.torture.{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    findings: list[str] = module.attack(rounds, seed)
    return findings


def _parent_of(folder: Path) -> int:
    """0 for a process that has already ended."""
    try:
        return int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return words or f"process {pid}"


def _children() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _parent_of(folder) == os.getpid()]


def _end_children() -> list[str]:
    """Kills all descendants, which become children of this process one by one; returns the names of those that still
    ran."""
    names = []
    while children := _children():
        for pid in children:
            finished, _ = os.waitpid(pid, os.WNOHANG)
            if not finished:
                names.append(_name(pid))
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
    return names


def _run_in_child(path: Path, rounds: int, seed: int, result: Path) -> int:
    child = os.fork()
    if child == 0:
        os.setsid()  # its signals to groups reach only its own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        result.write_text(json.dumps(_attack(path, rounds, seed)))
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _ended(signal_number: int, frame: FrameType | None) -> None:
    _end_children()
    os._exit(1)


def main() -> int:
    path, rounds, seed, folder = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, _ended)
    result = folder / "findings.json"
    code = _run_in_child(path, rounds, seed, result)
    left = _end_children()
    if left:
        found = json.loads(result.read_bytes()) if result.exists() else []
        result.write_text(json.dumps([*found, *(f"a process was left running: {name}" for name in left)]))
    return code


if __name__ == "__main__":
    sys.exit(main())
