# SPDX-License-Identifier: GPL-2.0-only
"""Makes a folder of thousands of run folders that look like real ones: each is a kept run of tests/data with its
tables, another moment, another id, another host, and times and rates that differ by some percent, sealed as a run is.

    .venv/bin/python bench/many_runs.py DIR --runs 10000
"""

import argparse
import random
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from zcprobe.seal import sealed

KEPT = Path(__file__).parent.parent / "tests" / "data"
RELEASES = ("6.1.0-42-amd64", "6.12.57+deb13-amd64", "6.18.0")
_VARY = ("duration_ns", "cpu_user_ns", "cpu_system_ns", "stall_ns_total", "stall_ns_max")


def kept_runs() -> tuple[list[Path], list[Path]]:
    """The kept runs of the newest version: those with tables of their sends, and those that recorded only counts."""
    newest = max(KEPT.glob("version_*"), key=lambda path: int(path.name.partition("_")[2]))
    folders = sorted(path.parent for path in newest.rglob("run.json"))
    whole = [folder for folder in folders if (folder / "sends.parquet").exists()]
    return whole, [folder for folder in folders if folder not in whole]


def _varied(content: dict[str, Any], number: int, chance: random.Random) -> dict[str, Any]:
    """The metadata of another run. Counts stay, because the tables have them."""
    start = datetime.fromisoformat(content["started_utc"]) + timedelta(seconds=2 * number)
    host = {**content["host"], "kernel_release": chance.choice(RELEASES), "load_1min": round(chance.random(), 2)}
    factor = chance.lognormvariate(0, 0.05)
    counts = [part for part in (content["sender"], *content.get("channels", ())) if part]
    for part in counts:
        part |= {name: round(part[name] * factor) for name in _VARY if part.get(name) is not None}
        if part.get("goodput_bps") is not None:
            part["goodput_bps"] /= factor
    run_id = f"{chance.getrandbits(24):06x}"
    return content | {"started_utc": start.isoformat(), "run_id": run_id, "host": host}


def _name(content: dict[str, Any], number: int) -> str:
    start = datetime.fromisoformat(content["started_utc"])
    config = content.get("config") or {"scenario": "qemu", "policy": number}
    return f"{start:%Y%m%dT%H%M%SZ}-{config['scenario']}-{config['policy']}-{content['run_id']}"


def make_runs(parent: Path, count: int, seed: int = 1) -> Iterator[Path]:
    """Makes the folders one by one below `parent`; half of them have tables. The same seed makes the same runs."""
    chance = random.Random(seed)
    whole, counted = kept_runs()
    read = {folder: (folder / "run.json").read_bytes() for folder in (*whole, *counted)}
    for number in range(count):
        kept = chance.choice(whole if number % 2 else counted)
        content = msgspec.json.decode(read[kept])
        del content["sha256"]
        content = _varied(content, number, chance)
        folder = parent / _name(content, number)
        folder.mkdir(parents=True)
        for path in kept.iterdir():
            if path.name != "run.json":
                shutil.copyfile(path, folder / path.name)
        (folder / "run.json").write_bytes(sealed(content))
        yield folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = sum(1 for _ in make_runs(options.folder, options.runs, options.seed))
    print(f"{made:,} runs in {options.folder}")


if __name__ == "__main__":
    main()
