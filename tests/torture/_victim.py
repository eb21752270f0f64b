# SPDX-License-Identifier: GPL-2.0-only
"""A command that is attacked, and what it leaves behind."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zcprobe
from tests.processes import child_of
from zcprobe.errors import ZcprobeError

__all__ = ["NAMESPACES", "Victim", "left_behind", "start", "whole_runs"]

NAMESPACES = Path("/run/netns")
_JOURNALS = Path("/run/zcprobe")
_START_S = 60.0


class Victim:
    """A running `zcprobe` in its own folder `folder`, with its results below `results`."""

    def __init__(self, process: "subprocess.Popen[bytes]", folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.results = folder / "results"

    def child(self, module: str) -> int | None:
        """The process of its sender or sink."""
        return child_of(self.process.pid, module)

    def namespaces(self) -> list[str]:
        """Namespaces of this command only: their names contain the id of its run."""
        ids = [path.name.rpartition("-")[2].partition(".")[0] for path in self.results.glob(".*.partial")]
        return [path.name for path in NAMESPACES.glob("zcprobe-*") if any(one in path.name for one in ids)]

    def wait_for(self, what: Callable[[], Any]) -> Any:
        """Waits until the check returns something and returns that; None if the command ended before."""
        ends_s = time.monotonic() + _START_S
        while not (found := what()):
            if self.process.poll() is not None or time.monotonic() > ends_s:
                return None
            time.sleep(0.01)
        return found

    def has_traffic(self) -> bool:
        return any(spool.stat().st_size for spool in self.results.glob(".*.partial/.sends.0.spool"))

    def inside(self, *words: str) -> None:
        """Runs a command in the mount namespace of this command."""
        subprocess.run(["nsenter", "--target", str(self.process.pid), "--mount", *words], check=True)


@contextmanager
def start(words: tuple[str, ...], folder: Path, before: tuple[str, ...] = (), **streams: Any) -> Iterator[Victim]:
    """Starts the command; words `before` it must end in exec. It is killed on leaving the context if it still runs."""
    command = [*before, sys.executable, "-m", "zcprobe", *words]
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **streams}
    environment = {**os.environ, "PYTHONPATH": str(Path(zcprobe.__file__).parents[1])}
    process = subprocess.Popen(command, cwd=folder, env=environment, **given)
    try:
        yield Victim(process, folder)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def whole_runs(folder: Path) -> tuple[list[Any], list[str]]:
    """The runs below a folder that have their final names, and what is wrong with incomplete ones."""
    runs, wrong = [], []
    for path in sorted(folder.glob("**/run.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        try:
            run = zcprobe.load(path.parent)
            assert len(run.sends) == run.meta.rows["sends"]
            runs.append(run)
        except (AssertionError, ZcprobeError) as error:
            wrong.append(f"{path.parent.name} is not whole: {error}")
    return runs, wrong


def left_behind(before: set[str]) -> set[str]:
    """Namespaces and journals that are there now and are not among `before`."""
    return {str(path) for path in (*NAMESPACES.glob("zcprobe-*"), *_JOURNALS.glob("*.json"))} - before
