# SPDX-License-Identifier: GPL-2.0-only
"""All attacks, or one: python -m tests.torture [--short] [--only KIND] [--seed N]"""

import argparse
import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.kinds import FOLDER, Kind, find_kinds
from tests.torture.supervised import Outcome, run_attack

_SIDE_BY_SIDE = 2
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHORT_S = 100.0
"""Longest time of one attack in the short form; in the long one, `_LONG_S`."""
_LONG_S = 4 * 3600.0
_SHORT_TOTAL_S = 285.0
"""Time limit of all attacks in the short form: .ci/run promises five minutes."""


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture",
        description="Attacks zcprobe as root, in each way that has a file in tests/torture, and tells what went wrong.",
        epilog="The same seed makes the same choices. Exit codes: 0 nothing found, 1 findings, 2 usage, 3 not root.",
    )
    parser.add_argument("--short", action="store_true", help="few rounds, at most five minutes altogether")
    parser.add_argument(
        "--only", action="append", default=[], metavar="KIND", help="this kind; several times for several"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="of the last run")
    parser.add_argument("--rounds", type=int, help="instead of the kind's own number of rounds")
    parser.add_argument("--list", action="store_true", help="name the kinds and what they attack")
    return parser.parse_args(arguments)


def _tell(kind: Kind, outcome: Outcome, rounds: int, seed: int) -> None:
    words = f"{len(outcome.findings)} findings" if outcome.findings else "nothing found"
    print(f"{kind.name:<20} {outcome.duration_s:6.1f} s  {rounds:>7} rounds  seed {seed}  {words}", flush=True)
    for finding in outcome.findings:
        print(f"    {finding}", flush=True)


class _Torture:
    """One call of the program: which attacks run, for how long, and whether any of them found something."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._ends_s = time.monotonic() + (_SHORT_TOTAL_S if options.short else float("inf"))
        self._printing = threading.Lock()
        self.stopped = threading.Event()
        self.has_findings = False

    def attack(self, kind: Kind) -> None:
        options = self._options
        rounds = options.rounds or (kind.short if options.short else kind.long)
        limit_s = min(_SHORT_S if options.short else _LONG_S, self._ends_s - time.monotonic())
        outcome = run_attack(kind, rounds, options.seed, limit_s, self.stopped)
        with self._printing:
            _tell(kind, outcome, rounds, options.seed)
            self.has_findings |= bool(outcome.findings)

    def attack_all(self, kinds: Iterable[Kind]) -> None:
        """Those that measure deadlines come last, each alone."""
        kinds = list(kinds)
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            for done in [pool.submit(self.attack, kind) for kind in kinds if not kind.alone]:
                done.result()
        for kind in kinds:
            if kind.alone:
                self.attack(kind)


@contextlib.contextmanager
def _stopped_by_signals(stopped: threading.Event) -> Iterator[None]:
    before = {number: signal.signal(number, lambda number, frame: stopped.set()) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _refuse(what: str, hint: str, code: int) -> int:
    print(f"torture: {what}\n  {hint}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """`folder`: where the attacks are."""
    options = _parse(arguments)
    kinds = find_kinds(folder)
    if options.list:
        print(*(f"{kind.name:<20} {kind.title}" for kind in kinds), sep="\n")
        return 0
    unknown = set(options.only) - {kind.name for kind in kinds}
    if unknown:
        names = ", ".join(kind.name for kind in kinds)
        return _refuse(f"there is no attack called {min(unknown)}", f"choose from: {names}", 2)
    if os.geteuid() != 0:
        return _refuse("the attacks need root: they make namespaces, load BPF and become other users", "run as root", 3)
    print(f"seed {options.seed}", flush=True)
    torture = _Torture(options)
    with _stopped_by_signals(torture.stopped):
        torture.attack_all(kind for kind in kinds if not options.only or kind.name in options.only)
    return 1 if torture.has_findings else 0


if __name__ == "__main__":
    sys.exit(main())
