# SPDX-License-Identifier: GPL-2.0-only
"""Presets: one option that stands for several others.

A preset is read as if its options had been written before the user's, so everything after the command line, run.json
too, knows these options only.
"""

import argparse
from collections.abc import Sequence

import msgspec

from zcprobe.errors import UsageError

__all__ = ["PRESETS", "Preset", "expand"]


class Preset(msgspec.Struct, frozen=True):
    """`options` are what it stands for, as on a command line; `description` says what they imitate."""

    options: str
    description: str


# Measured with a real QEMU in emulation on two cores (tests/senders): the size of its guest, the rate that its two
# channels reached, and a hold beside which it fails or survives as the table of docs/qemu.md says.
PRESETS = {
    "qemu-migration": Preset(
        "--traffic migration -P 2 --guest 512M --dirty-rate 100M"
        " --scenario held-completions --hold-share 16 --hold-rate 200M -b 2.1G",
        "a live migration by QEMU with two multifd channels",
    )
}


def expand(parser: argparse.ArgumentParser, words: Sequence[str], options: argparse.Namespace) -> argparse.Namespace:
    """The options of a command line, with those of its preset. `options` are the words as the parser understood them.

    UsageError for an option of the user's that says something else than the preset does.
    """
    stands_for = PRESETS[options.preset].options
    start = words.index(options.verb) + 1
    alone = parser.parse_args([options.verb])
    preset = parser.parse_args([options.verb, *stands_for.split()])
    both = parser.parse_args([*words[:start], *stands_for.split(), *words[start:]])
    for name, value in vars(preset).items():
        given = getattr(both, name)
        if value not in (getattr(alone, name), given):
            raise UsageError(
                f"--{name.replace('_', '-')} {given} contradicts --preset {options.preset}",
                f"leave one of them out; the preset stands for {stands_for}",
            )
    return both
