# SPDX-License-Identifier: GPL-2.0-only
"""Time and resident memory to analyse a run of ten million sends: in Jupyter to load it, summarize it and draw its
overview; on the command line to make each figure and the report.

    .venv/bin/python bench/analysis.py [--sends 10000000] [--probe-level timeline] [--run FOLDER]

Needs root to record the run first (as `bench/scale.py` does), but not for an existing run. The analysis and each
command are separate processes; the highest resident memory of each counts, including imports.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from scale import record

BOUNDS_S = {"load": 3.0, "summary": 3.0, "overview figure": 5.0}
MEMORY_BOUND_BYTES = 1.5e9


def timed(steps: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Name of each step and its seconds, in order."""
    taken = {}
    for name, step in steps.items():
        start = time.monotonic()
        step()
        taken[name] = time.monotonic() - start
    return taken


_PRINT_PEAK = """
import sys
from zcprobe.cli.main import main
code = main(sys.argv[1:])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM:")).split()[1])
sys.exit(code)
"""


def peak_bytes() -> int:
    """The highest resident memory (VmHWM). ru_maxrss would include what the parent had when it forked."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def analyse(folder: Path) -> dict[str, float]:
    """Name of each step -> its seconds; also `rows` and `peak_bytes`."""
    import zcprobe
    from zcprobe.analysis import df_flushes, df_merges, df_send_rate, df_sendmsg_results
    from zcprobe.dataset.load import load_run
    from zcprobe.plots import draw_overview

    loaded = load_run(folder)

    def summarize() -> None:
        zcprobe.load(folder)._repr_html_()
        df_sendmsg_results(loaded)
        df_merges([loaded])
        df_flushes(loaded)
        df_send_rate(loaded)

    steps: dict[str, Callable[[], object]] = {
        "load": lambda: zcprobe.load(folder).sends,
        "summary": summarize,
        "overview figure": lambda: draw_overview(loaded)._repr_png_(),  # type: ignore[attr-defined]
    }
    taken = timed(steps)
    return {**taken, "rows": loaded.meta.rows["sends"], "peak_bytes": peak_bytes()}


def measure_command(*words: str) -> tuple[float, int]:
    """Seconds of the command, and its highest resident memory in bytes. Its output file is deleted."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        target = str(Path(folder) / ("report.html" if words[0] == "report" else "figure.png"))
        command = [sys.executable, "-c", _PRINT_PEAK, *words, "-o", target]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        return time.monotonic() - start, int(result.stdout) * 1024


def tell_commands(folder: Path) -> None:
    from zcprobe.plots.comparison import COMPARISON_FIGURES

    figures = [("plot", "--figure", name) for name in ("optmem", "errqueue", *COMPARISON_FIGURES)]
    for words in [*figures, ("report",)]:
        taken_s, found_bytes = measure_command(words[0], str(folder), *words[1:])
        word = "ok" if found_bytes < MEMORY_BOUND_BYTES else "ABOVE"
        name = " ".join(("zcprobe", *words))
        print(f"{name:<46} {taken_s:5.1f} s, {found_bytes / 1e9:.2f} GB  bound {MEMORY_BOUND_BYTES / 1e9} GB  {word}")


def tell(found: dict[str, float]) -> None:
    print(f"{found['rows']:,.0f} sends")
    for name, bound in BOUNDS_S.items():
        print(f"{name:<16} {found[name]:.2f} s  bound {bound:.0f} s  {'ok' if found[name] < bound else 'ABOVE'}")
    word = "ok" if found["peak_bytes"] < MEMORY_BOUND_BYTES else "ABOVE"
    print(f"{'resident memory':<16} {found['peak_bytes'] / 1e9:.2f} GB  bound {MEMORY_BOUND_BYTES / 1e9} GB  {word}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=10_000_000)
    parser.add_argument("--run", type=Path, help="use this run folder instead of a new run")
    parser.add_argument("--probe-level", default="timeline", help="level of the probes in the new run (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, for a parent process")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(analyse(options.run)))
        return
    with tempfile.TemporaryDirectory() as parent:
        folder = options.run or record(options.sends, parent, options.probe_level)[0]
        command = [sys.executable, __file__, "--json", "--run", str(folder)]
        tell(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
        tell_commands(Path(folder))


if __name__ == "__main__":
    main()
