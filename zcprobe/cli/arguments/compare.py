# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe compare`."""

import argparse
from functools import partial
from pathlib import Path

from zcprobe.cli.arguments.baselines import add_baselines
from zcprobe.cli.arguments.benchmark import (
    SCENARIO_HELP,
    add_measurement,
    add_policy_options,
    add_preset,
    add_sockets,
    add_traffic,
)
from zcprobe.cli.arguments.host import MAX_REPEATS
from zcprobe.format.claims import DEFAULT_SMALLEST_EFFECT
from zcprobe.units import parse_percent, parse_whole

__all__ = ["DEFAULT_COMPARISON", "DEFAULT_OVERHEAD_ROUNDS", "EXAMPLES", "add_compare"]

DEFAULT_COMPARISON = ("qemu-pre", "qemu-shipped", "qemu-merged")

DEFAULT_OVERHEAD_ROUNDS = 5

EXAMPLES = """\
examples:
  zcprobe compare                                   with and without the partial-flush fix
  zcprobe compare --scenario in-flight --repeats 9
  zcprobe compare --policies qemu-pre,qemu-merged --optmem-max 20480
  zcprobe compare --preset qemu-migration           the same policies on the traffic of a live migration
  zcprobe compare --compare zerocopy=on,off         one policy, with and without MSG_ZEROCOPY
  zcprobe compare results/monday results/tuesday    what changed between two folders of results
  zcprobe compare -l 4K,64K,1M --scenario in-order  one policy, sends of three sizes
  zcprobe compare --repeats 7 --save-baseline main
  zcprobe compare --repeats 7 --baseline main --fail-on-regression --junit zcprobe.xml
"""


def add_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="BEFORE AFTER",
        help="make no run: compare the results in two folders of runs, comparisons or campaigns",
    )
    add_preset(parser)
    parser.add_argument("--scenario", help=SCENARIO_HELP)
    parser.add_argument(
        "--policies", default=",".join(DEFAULT_COMPARISON), metavar="A,B,...", help="or all (%(default)s)"
    )
    parser.add_argument(
        "--compare",
        metavar="OPTION=A,B,...",
        help="instead of policies, compare any other option of run: nagle=off,on; optmem-max=20K,128K",
    )
    parser.add_argument(
        "--repeats",
        type=partial(parse_whole, "--repeats", low=1, high=MAX_REPEATS),
        default=5,
        metavar="N",
        help=f"runs of each, at most {MAX_REPEATS} (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=partial(parse_whole, "--seed", low=0, high=2**63 - 1),
        default=None,
        help="seed of the order of the runs",
    )
    parser.add_argument(
        "--overhead",
        type=partial(parse_whole, "--overhead", low=0, high=MAX_REPEATS),
        metavar="N",
        help=f"measure the probes' own cost in so many rounds; 0 skips this ({DEFAULT_OVERHEAD_ROUNDS})",
    )
    parser.add_argument(
        "--no-report", action="store_true", help="make no figures and no report.html, which take seconds"
    )
    _add_judgement(parser)
    add_policy_options(parser)
    add_traffic(parser)
    add_sockets(parser)
    add_measurement(parser)


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what counts as a difference, and as a regression")
    group.add_argument(
        "--smallest-effect",
        type=partial(parse_percent, "--smallest-effect"),
        default=DEFAULT_SMALLEST_EFFECT,
        metavar="PERCENT",
        help=f"a smaller difference does not matter ({100 * DEFAULT_SMALLEST_EFFECT:g})",
    )
    add_baselines(group)
