# SPDX-License-Identifier: GPL-2.0-only
"""Ten thousand runs: time and resident memory to index them, to bring the index up to date, and to ask a question.

    .venv/bin/python bench/index.py [--runs 10000] [--folder DIR]

Needs no root. `bench/many_runs.py` makes the runs (0.4 GB) unless an existing folder is named. Each step is a process
of its own, whose imports count too; a question is also timed in a process that has asked before, as in Jupyter. CPU is
the processor time, which says more than the time on a machine that has other work.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from many_runs import make_runs

MEMORY_BOUND_BYTES = 1e9
_SQL = "select policy, kernel_release, count(*) as n, median(goodput_bps) as bps from runs group by all order by all"

_INDEX = """
import sys
from zcprobe.cli.main import main
code = main(["index", *sys.argv[1:]])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1])
sys.exit(code)
"""

_ASK = """
import json, sys, time
import zcprobe
found, times_s, cpu_s = [], [], []
for _ in range(4):
    start, begin = time.perf_counter(), time.process_time()
    found.append(json.loads(zcprobe.load(sys.argv[1]).query(sys.argv[2]).to_json(orient="values")))
    times_s.append(time.perf_counter() - start)
    cpu_s.append(time.process_time() - begin)
assert all(one == found[0] for one in found)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1]
again_s, cpu_s = (sorted(times[1:])[1] for times in (times_s, cpu_s))
print(json.dumps({"rows": found[0], "again_s": again_s, "cpu_s": cpu_s, "peak_bytes": int(peak) * 1024}))
"""


class Step(msgspec.Struct):
    """What a step took."""

    name: str
    seconds: float
    cpu_s: float
    peak_bytes: int
    bound_s: float | None


def called(code: str, *words: str) -> tuple[list[str], float, float]:
    """The lines that a process of its own prints, its seconds, and its processor time in seconds."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout.splitlines(), time.monotonic() - start, cpu_s


def index(name: str, bound_s: float | None, *words: str) -> Step:
    (*_, peak_kib), seconds, cpu_s = called(_INDEX, *words)
    return Step(name, seconds, cpu_s, int(peak_kib) * 1024, bound_s)


def ask(name: str, bound_s: float | None, folder: Path) -> tuple[list[Step], list[object]]:
    """The steps, and the rows of the answer."""
    (line,), seconds, cpu_s = called(_ASK, str(folder), _SQL)
    found = json.loads(line)
    again_s, again_cpu_s, peak_bytes = found["again_s"], found["cpu_s"], found["peak_bytes"]
    first = f"{name}, with Python's start and imports"
    steps = [
        Step(first, seconds - 3 * again_s, cpu_s - 3 * again_cpu_s, peak_bytes, None),
        Step(f"{name}, in a session", again_s, again_cpu_s, peak_bytes, bound_s),
    ]
    return steps, found["rows"]


@contextmanager
def runs_in(given: Path | None, count: int) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as parent:
        made = sum(1 for _ in make_runs(Path(parent), count))
        print(f"{made:,} runs made")
        yield Path(parent)


def measure(folder: Path) -> Iterator[Step]:
    """The steps in their order. AssertionError where an answer is not the same with and without the index."""
    (folder / "index.parquet").unlink(missing_ok=True)
    plain, expected = ask("a question without an index", None, folder)
    yield plain[0]
    yield index("index of all runs", 30.0, str(folder))
    yield index("index of all runs, rebuilt", 30.0, str(folder), "--rebuild")
    steps, rows = ask("a question", 1.0, folder)
    assert rows == expected
    yield from steps
    added = [shutil.copytree(run, f"{run}-copy") for run in sorted(folder.glob("*/"))[:100]]
    yield index("index brought up to date, 100 runs new", None, str(folder))
    for run in added:
        shutil.rmtree(run)
    yield index("index brought up to date, 100 runs gone", None, str(folder))


def tell(step: Step) -> None:
    word = "" if step.bound_s is None else f"  bound {step.bound_s:g} s  {_word(step.seconds < step.bound_s)}"
    memory = f"{step.peak_bytes / 1e6:4.0f} MB {_word(step.peak_bytes < MEMORY_BOUND_BYTES)}"
    print(f"{step.name:<60} {step.seconds:6.2f} s, {step.cpu_s:6.2f} s CPU, {memory}{word}", flush=True)


def _word(holds: bool) -> str:
    return "ok" if holds else "ABOVE"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, metavar="DIR", help="folder of existing runs")
    options = parser.parse_args()
    with runs_in(options.folder, options.runs) as folder:
        for step in measure(folder):
            tell(step)


if __name__ == "__main__":
    main()
