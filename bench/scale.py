# SPDX-License-Identifier: GPL-2.0-only
"""Ten million sends recorded: resident memory of every process of the run, and the time to load them into pandas.

    .venv/bin/python bench/scale.py [--sends 10000000]

Needs root. Each send has 64 bytes, so that the run takes about a minute.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MEMORY_BOUND_BYTES = 300 * 10**6
LOAD_BOUND_S = 3.0


def record(sends: int, parent: str, probe_level: str = "off") -> tuple[Path, int]:
    """The run's folder, and the largest resident memory of any of its processes in bytes."""
    command = [sys.executable, "-I", "-m", "zcprobe", "run", "--scenario", "in-order", "-l", "64", "-n", str(sends)]
    command += ["--optmem-max", "16M", "--deadline", "600", "--probe-level", probe_level, "--json", "-o", parent]
    result = subprocess.run(command, check=True, capture_output=True)
    peak_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return Path(json.loads(result.stdout)["folder"]), peak_bytes


def load(folder: Path) -> tuple[int, float]:
    """Number of rows, and seconds to read them, without imports."""
    import zcprobe
    from zcprobe.dataset.load import load_run

    load_run(folder)  # the first read imports pandas and pyarrow
    start = time.monotonic()
    rows = len(zcprobe.load(folder).sends)
    return rows, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sends", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        folder, peak_bytes = record(options.sends, parent)
        rows, load_s = load(folder)
        assert rows >= options.sends
    memory_word = "ok" if peak_bytes < MEMORY_BOUND_BYTES else "ABOVE"
    load_word = "ok" if load_s < LOAD_BOUND_S else "ABOVE"
    print(f"{rows} rows; resident memory at most {peak_bytes / 1e6:.0f} MB of any process  bound 300 MB  {memory_word}")
    print(f"loaded into pandas in {load_s:.2f} s  bound {LOAD_BOUND_S:.0f} s  {load_word}")


if __name__ == "__main__":
    main()
