# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe run`."""

import argparse

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

__all__ = ["EXAMPLES", "add_run"]

EXAMPLES = """\
examples:
  zcprobe run                                       merged fix, completions held back
  zcprobe run --policy qemu-pre -n 5000             the failure
  zcprobe run --scenario in-order -l 4K -t 5 -J     five seconds of 4 KiB sends, JSON on stdout
"""


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
