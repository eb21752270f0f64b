# SPDX-License-Identifier: GPL-2.0-only
"""The parsers of the C core with inputs from a fuzzer: notifications, streams, datagrams, type information.

No input may make a parser read or write out of bounds, hang, or crash. Each result must equal that of the second parser
in the fuzzer's target (tests/kernel/native/fuzz_*.c). Every kind of input must have occurred.
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
    """A sentence for each thing that went wrong, with `rounds` inputs for each parser. Needs clang."""
    # libFuzzer takes a seed of 0 to mean no seed, and uses only 32 bits of a seed
    return [finding for name in FUZZERS for finding in _attack_one(name, rounds, seed % (2**32 - 1) + 1)]
