# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of the verbs that ask about this host: doctor, probes, scenarios, policies, overhead."""

import argparse
from functools import partial
from typing import get_args

from zcprobe.config import ProbeMechanism
from zcprobe.units import parse_whole

__all__ = ["MAX_REPEATS", "add_doctor", "add_json", "add_mechanism", "add_overhead"]

MAX_REPEATS = 1000
"""Runs of a policy, or rounds of blocks: more would take days."""


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-J", "--json", action="store_true", help="print JSON on stdout")


def add_mechanism(group: "argparse._ActionsContainer") -> None:
    group.add_argument(
        "--mechanism",
        choices=("auto", *get_args(ProbeMechanism)),
        help="how the probes attach; auto, the default, tries the others in this order",
    )


def add_doctor(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument("--clean", action="store_true", help="remove what killed runs left behind")


def add_overhead(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-l", "--length", default="4K,64K", metavar="SIZE,...", help="bytes per send (%(default)s)")
    parser.add_argument(
        "--rounds",
        type=partial(parse_whole, "--rounds", low=1, high=MAX_REPEATS),
        default=9,
        metavar="N",
        help=f"blocks of each level, at most {MAX_REPEATS} (%(default)s)",
    )
    add_mechanism(parser)
    add_json(parser)
