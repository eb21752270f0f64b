# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe sink`."""

import argparse
from functools import partial

from zcprobe.config import DEFAULT_PORT, MAX_PORT
from zcprobe.units import parse_seconds, parse_whole

__all__ = ["add_sink"]


def add_sink(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-B", "--bind", metavar="ADDRESS", help="elsewhere than on loopback it asks senders for a token (127.0.0.1)"
    )
    parser.add_argument(
        "-p",
        "--port",
        type=partial(parse_whole, "-p", low=1, high=MAX_PORT),
        default=DEFAULT_PORT,
        help="(%(default)s)",
    )
    parser.add_argument("-1", "--one-off", action="store_true", help="end after one sender's run")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="ask senders for the token in FILE; without it one is made and printed, and on loopback none is asked for",
    )
    parser.add_argument("--read-rate", metavar="RATE", help="a slow reader: at most that many bits per second")
    parser.add_argument("--stall-after", metavar="SIZE", help="stop reading once after so many bytes")
    parser.add_argument("--stall", type=partial(parse_seconds, "--stall"), metavar="SECONDS", help="for that long (5)")
    parser.add_argument("--discard", action="store_true", help="take bytes off the socket without looking (MSG_TRUNC)")
