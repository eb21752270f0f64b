"""The parsers of the C core, given inputs that a fuzzer makes up: notifications, streams, datagrams, type information.

What must hold: no input makes one read or write where it may not, run on, or end; and each answer is the one that the
fuzzer's target works out by a second reading (tests/kernel/native/fuzz_*.c). Every kind of input must have been met.
"""

import tempfile
from pathlib import Path

from tests.fuzzers import FUZZERS, FuzzError, fuzz

__all__ = ["LONG", "SHORT", "attack"]

SHORT = 50_000
LONG = 1_000_000
"""Inputs for each parser."""


def _attack_one(name: str, rounds: int, seed: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            met = fuzz(name, rounds, seed, Path(folder))
        except FuzzError as error:
            return [f"the parser of {name} input broke with seed {seed}: {error}"]
    kinds = sum(count > 0 for count in met.values())
    if kinds < FUZZERS[name].kinds:
        return [f"of {FUZZERS[name].kinds} kinds of {name} input the fuzzer met {kinds} with seed {seed}: {met}"]
    return []


def attack(rounds: int, seed: int) -> list[str]:
    """What went wrong, a sentence each; `rounds` inputs for each parser. Needs clang."""
    # libFuzzer takes a seed of 0 for none, and no more than 32 bits of one
    return [finding for name in FUZZERS for finding in _attack_one(name, rounds, seed % (2**32 - 1) + 1)]
