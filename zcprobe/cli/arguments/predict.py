# SPDX-License-Identifier: GPL-2.0-only
"""The arguments of `zcprobe predict`."""

import argparse
from functools import partial

from zcprobe.cli.arguments.inputs import add_inputs
from zcprobe.config import MAX_CHANNELS, MAX_SEND_COUNT
from zcprobe.format.kernel import LARGEST_OPTMEM_BYTES, SKB_TRUESIZE_ZERO_BYTES
from zcprobe.units import parse_bytes, parse_ranged, parse_rate_bps, parse_seconds, parse_share, parse_whole
from zcprobe.workloads import MAX_SEND_BYTES

__all__ = ["EXAMPLES", "add_predict"]

EXAMPLES = """\
examples:
  zcprobe predict -l 64K                            a sender that writes as fast as its socket takes data
  zcprobe predict -l 16K --bandwidth 2G --paced --delay 20ms -P 4
  zcprobe predict -l 64K --bandwidth 10G --late-share 1/16 --late-by 2ms --read-every 64
  zcprobe predict results/RUN                       from what was seen of a sender
"""

_LARGEST_CHARGE_BYTES = 65536
_LARGEST_RATE_BPS = 10**14
_LONGEST_S = 3600.0


def add_predict(parser: argparse.ArgumentParser) -> None:
    add_inputs(parser, count="*")
    _add_sender(parser)
    _add_path(parser)
    limit = parser.add_argument_group("kernel")
    limit.add_argument(
        "--charge",
        type=partial(_bytes, "--charge", low=SKB_TRUESIZE_ZERO_BYTES, high=_LARGEST_CHARGE_BYTES),
        metavar="SIZE",
        help="bytes of optmem for one notification (as measured on this kernel)",
    )
    limit.add_argument(
        "--optmem-max",
        type=partial(_bytes, "--optmem-max", low=SKB_TRUESIZE_ZERO_BYTES, high=LARGEST_OPTMEM_BYTES),
        metavar="SIZE",
        help="the limit for which to say how often the queue must be read, where no limit is enough"
        " (that of this network namespace)",
    )
    parser.add_argument("-J", "--json", action="store_true", help="print JSON on stdout")


def _add_sender(parser: argparse.ArgumentParser) -> None:
    sender = parser.add_argument_group("sender")
    sender.add_argument(
        "-l",
        "--length",
        type=partial(_bytes, "-l", low=1, high=MAX_SEND_BYTES),
        metavar="SIZE",
        help="bytes of one send, with K, M or G",
    )
    sender.add_argument(
        "-P",
        "--channels",
        type=partial(parse_whole, "-P", low=1, high=MAX_CHANNELS),
        metavar="N",
        help="connections that share the bandwidth (1)",
    )
    sender.add_argument(
        "-w",
        "--window",
        type=partial(_bytes, "-w", low=1, high=LARGEST_OPTMEM_BYTES // 2),
        metavar="SIZE",
        help="what the sender sets by SO_SNDBUF (not set: the third number of net.ipv4.tcp_wmem)",
    )
    sender.add_argument(
        "--paced",
        action="store_true",
        help="the sender itself writes no faster than --bandwidth, so that its send buffer does not fill",
    )
    sender.add_argument(
        "--read-every",
        type=partial(parse_whole, "--read-every", low=1, high=MAX_SEND_COUNT),
        metavar="SENDS",
        help="the sender reads its error queue until EAGAIN at least that often (never)",
    )


def _add_path(parser: argparse.ArgumentParser) -> None:
    path = parser.add_argument_group("path")
    path.add_argument("--bandwidth", type=_rate, metavar="RATE", help="what all channels send together: 10G")
    path.add_argument(
        "--delay",
        type=partial(_ns, "--delay"),
        metavar="TIME",
        help="from a send to its acknowledgement, at most: 20ms",
    )
    path.add_argument(
        "--late-share",
        type=partial(parse_share, "--late-share"),
        metavar="SHARE",
        help="share of the sends that complete late, by chance: 1/16, 0.5 or 6%%",
    )
    path.add_argument(
        "--late-by",
        type=partial(_ns, "--late-by"),
        metavar="TIME",
        help="how long after its acknowledgement such a send completes, at most",
    )


def _bytes(option: str, text: str, low: int, high: int) -> int:
    return parse_ranged(option, text, parse_bytes, low, high)


def _rate(text: str) -> int:
    return parse_ranged("--bandwidth", text, parse_rate_bps, 1, _LARGEST_RATE_BPS)


def _ns(option: str, text: str) -> int:
    return int(1e9 * parse_ranged(option, text, partial(parse_seconds, option), 1e-9, _LONGEST_S))
