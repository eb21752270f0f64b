# SPDX-License-Identifier: GPL-2.0-only
"""Records the runs that tests and notebooks read, in the format that this zcprobe writes.

    .venv/bin/python tools/record_kept_runs.py tests/data/version_3 [NAME ...]

Run it as root on an otherwise idle machine; it takes about three minutes. With names it records only these. It never
replaces what exists: remove a folder to record it anew.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

_REPEATS = 5
_POLICIES = "wait-progress,watermark,drain-every,qemu-pre,folly,qemu-shipped,qemu-merged"
_COUNTS_BY_SIZE = {"4K": 20000, "16K": 10000, "64K": 5000, "256K": 1500, "1M": 400}
_LIMITS = ["20480", "64K", "512K"]
_COUNTS_ONLY = "--no-record --probe-level summary"

COMPARISONS = {
    "held-completions": f"--scenario held-completions --repeats {_REPEATS} -n 1200 --optmem-max 20480",
    "no-probes": "--scenario in-flight --repeats 2 -l 64K -n 150 --probe-level off",
    "campaigns/policies": f"--scenario held-completions --repeats {_REPEATS} --policies {_POLICIES}"
    f" -n 6000 --optmem-max 64K {_COUNTS_ONLY}",
}
"""Name -> options of `zcprobe compare`."""

RUNS = {
    "channels": "--scenario held-completions -P 3 -n 200 --optmem-max 20480",
    "datagrams": "--scenario in-order -u -n 300",
    "first-run": "--scenario held-completions --policy qemu-pre -n 600 --optmem-max 64K",
    "full-level": "--scenario in-order --probe-level full -6 -n 100",
    "in-flight": "--scenario in-flight --policy qemu-shipped -l 64K -n 300",
    "in-order": "--scenario in-order --policy qemu-pre -n 300",
    "memlock": "--scenario memlock -l 128K -n 100",
    "migration": "--scenario in-order --traffic migration -P 2 --guest 64M --dirty-rate 32M --downtime 5"
    " --max-rounds 4",
    "requests": "--scenario in-order --traffic rpc -n 200",
    "round-trips": "--scenario in-flight --policy qemu-lru-half -P 2 -n 100",
}
"""Name below `runs` -> options of `zcprobe run`."""

CAMPAIGNS = {
    "crossover": [
        f"--scenario in-order -l {size} -n {count} --no-record --probe-level off {sending}"
        for size, count in _COUNTS_BY_SIZE.items()
        for sending in ["", "--no-zerocopy"] * _REPEATS
    ],
    "optmem-by-size": [
        f"--scenario held-completions --policy qemu-pre -l {size} -n {count} --optmem-max {limit} {_COUNTS_ONLY}"
        for limit, (size, count) in itertools.product(_LIMITS, [("16K", 6000), ("64K", 2000)])
        for _ in range(2)
    ],
    "optmem-by-share": [
        f"--scenario held-completions --policy qemu-pre -n 2000 --hold-share {share} --optmem-max {limit} "
        f"{_COUNTS_ONLY}"
        for limit, share in itertools.product(_LIMITS, [4, 64])
        for _ in range(2)
    ],
}
"""Name below `campaigns` -> options of each `zcprobe run`."""

_OUTCOMES = {"qemu-pre": "dead_enobufs", "qemu-shipped": "dead_enobufs", "qemu-merged": "completed"}
"""How the runs of each policy in `held-completions` have to end: they are the example of what the fix does."""


def _zcprobe(verb: str, options: str, parent: Path) -> Path:
    """The new folder. A run that ends with ENOBUFS exits with an error and is kept like any other."""
    command = [sys.executable, "-m", "zcprobe", verb, *options.split(), "-o", str(parent)]
    before = set(parent.iterdir())
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    created = set(parent.iterdir()) - before
    if not created:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    return created.pop()


def _record_under_a_name(verb: str, options: str, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        _zcprobe(verb, options, Path(folder)).rename(place)


def _record_campaign(runs: list[str], place: Path) -> None:
    place.mkdir()
    for options in runs:
        _zcprobe("run", options, place)


def _check(place: Path) -> None:
    """SystemExit where a run is not whole, or does not show what it is kept for."""
    for path in [*place.glob("run.json"), *place.glob("*/run.json")]:
        run = json.loads(path.read_bytes())
        outcome = run["sender"]["outcome"]
        expected = _OUTCOMES[run["config"]["policy"]] if place.name == "held-completions" else outcome
        if not run["complete"] or outcome != expected:
            raise SystemExit(f"{path.parent} is not fit to be kept ({outcome}): remove {place} and record it again")


def _recordings(folder: Path) -> dict[Path, tuple[str, str | list[str]]]:
    """Place -> the verb of zcprobe and its options."""
    return {
        **{folder / name: ("compare", f"{options} --overhead 0 --no-report") for name, options in COMPARISONS.items()},
        **{folder / "runs" / name: ("run", options) for name, options in RUNS.items()},
        **{folder / "campaigns" / name: ("run", runs) for name, runs in CAMPAIGNS.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the last part of a place; all unless given")
    arguments = parser.parse_args()
    for place, (verb, options) in _recordings(arguments.folder).items():
        if arguments.names and place.name not in arguments.names:
            continue
        print(place, flush=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(options, str):
            _record_under_a_name(verb, options, place)
        else:
            _record_campaign(options, place)
        _check(place)


if __name__ == "__main__":
    main()
