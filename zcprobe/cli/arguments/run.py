# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe run`."""

import argparse
from functools import partial

from zcprobe.cli.arguments.benchmark import (
    SCENARIO_HELP,
    add_measurement,
    add_policy_options,
    add_preset,
    add_sockets,
    add_traffic,
)
from zcprobe.config import RunConfig
from zcprobe.policies import POLICIES
from zcprobe.units import parse_ranged, parse_seconds

__all__ = ["EXAMPLES", "add_run"]

EXAMPLES = """\
examples:
  zcprobe run                                       merged fix, completions held back
  zcprobe run --policy qemu-pre -n 5000             the failure
  zcprobe run --scenario in-order -l 4K -t 5 -J     five seconds of 4 KiB sends, JSON on stdout
  zcprobe run --policy wait-progress -t 10 -i 1     and a row each second meanwhile
"""

_SHORTEST_INTERVAL_S, _LONGEST_INTERVAL_S = 0.1, 86400.0


def _interval(text: str) -> float:
    return parse_ranged("-i", text, partial(parse_seconds, "-i"), _SHORTEST_INTERVAL_S, _LONGEST_INTERVAL_S)


def add_run(parser: argparse.ArgumentParser) -> None:
    add_preset(parser)
    parser.add_argument("--scenario", help=SCENARIO_HELP)
    parser.add_argument("--policy", help=f"one of {', '.join(POLICIES)} ({RunConfig().policy})")
    parser.add_argument(
        "--to", metavar="HOST[:PORT]", help="send to a zcprobe sink there instead of a scenario of our own"
    )
    secret = parser.add_mutually_exclusive_group()
    secret.add_argument("--token", metavar="TOKEN", help="with --to: what the sink printed; others see it in ps")
    secret.add_argument("--token-file", metavar="FILE", help="with --to: the same, in a file that nobody else can read")
    add_policy_options(parser)
    add_traffic(parser)
    add_sockets(parser, with_vsock=True)
    add_measurement(parser)
    parser.add_argument(
        "-i",
        "--interval",
        type=_interval,
        metavar="SECONDS",
        help="while the run lasts, print a row of what it did in each interval, as iperf3 does; with -J, the intervals"
        f" are in the JSON (at least {_SHORTEST_INTERVAL_S:g})",
    )
