# SPDX-License-Identifier: GPL-2.0-only
"""The arguments that `zcprobe run` and `zcprobe compare` share: traffic, sockets, policy, measurement."""

import argparse
from functools import partial
from pathlib import Path
from typing import get_args

from zcprobe.cli.arguments.host import add_mechanism
from zcprobe.cli.presets import PRESETS
from zcprobe.config import (
    DEFAULT_DEADLINE_S,
    DEFAULT_RECORD_LIMIT_BYTES,
    MAX_CHANNELS,
    Buffers,
    FlushVariant,
    ProbeLevel,
    RunConfig,
    WaitFor,
)
from zcprobe.units import format_bytes, parse_seconds, parse_whole
from zcprobe.workloads import MAX_SEND_BYTES, Model, Reuse

__all__ = ["SCENARIO_HELP", "add_measurement", "add_policy_options", "add_preset", "add_sockets", "add_traffic"]

_DEFAULT = RunConfig()

SCENARIO_HELP = f"what happens to the path: see zcprobe scenarios ({_DEFAULT.scenario})"


def add_preset(parser: argparse.ArgumentParser) -> None:
    texts = (f"{name}, {preset.description}: {preset.options}" for name, preset in PRESETS.items())
    parser.add_argument("--preset", choices=tuple(PRESETS), help=f"take the options of {'; '.join(texts)}")


def add_traffic(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("traffic (an option that is left out takes the scenario's value)")
    group.add_argument(
        "-l",
        "--length",
        metavar="SIZE",
        help=f"bytes of one send, with K, M or G, at most {format_bytes(MAX_SEND_BYTES)}; or sizes with weights:"
        " 1K:8,64K:2",
    )
    group.add_argument(
        "-n", "--count", type=partial(parse_whole, "-n"), metavar="N", help="number of sends of each channel"
    )
    group.add_argument(
        "-t",
        "--time",
        type=partial(parse_seconds, "-t"),
        metavar="SECONDS",
        help="send for this time instead of a number of sends; 90m, 24h",
    )
    group.add_argument(
        "-P",
        "--channels",
        type=partial(parse_whole, "-P"),
        default=_DEFAULT.channels,
        metavar="N",
        help=f"connections, a thread each, at most {MAX_CHANNELS} (%(default)s)",
    )
    group.add_argument(
        "--traffic",
        choices=get_args(Model),
        default=_DEFAULT.traffic.model,
        help="what the sender writes (%(default)s)",
    )
    group.add_argument("--copy-below", metavar="SIZE", help="send smaller payloads without zerocopy")
    group.add_argument(
        "--header", metavar="SIZE", help="migration, rpc: bytes before each payload, sent without zerocopy"
    )
    _add_migration(group)
    group.add_argument(
        "--reuse",
        choices=get_args(Reuse),
        default=_DEFAULT.traffic.reuse,
        help="when a buffer is written again (%(default)s)",
    )
    group.add_argument(
        "--buffers", choices=get_args(Buffers), default=_DEFAULT.buffers, help="memory that is sent from (%(default)s)"
    )
    group.add_argument("--no-zerocopy", action="store_true", help="send without MSG_ZEROCOPY, as a control")


def _add_migration(group: "argparse._ActionsContainer") -> None:
    group.add_argument("--guest", metavar="SIZE", help="migration: guest memory, over all channels")
    group.add_argument("--dirty-rate", metavar="SIZE", help="migration: bytes that the guest writes in a second")
    group.add_argument(
        "--downtime", type=partial(parse_whole, "--downtime"), metavar="MS", help="migration: limit for the final round"
    )
    group.add_argument(
        "--max-rounds",
        type=partial(parse_whole, "--max-rounds"),
        metavar="N",
        help="migration: stop the guest after so many rounds",
    )
    group.add_argument(
        "--zero-pages",
        type=partial(parse_whole, "--zero-pages"),
        metavar="PERCENT",
        help="migration: share of the pages that are zero",
    )


def add_sockets(parser: argparse.ArgumentParser, *, with_vsock: bool = False) -> None:
    group = parser.add_argument_group("sockets")
    family = group.add_mutually_exclusive_group()
    family.add_argument("-6", "--ipv6", action="store_true", help="use IPv6")
    if with_vsock:
        family.add_argument("--vsock", action="store_true", help="use AF_VSOCK, with --to vsock:CID")
    group.add_argument("-u", "--udp", action="store_true", help="send datagrams")
    group.add_argument("--optmem-max", metavar="SIZE", help="net.core.optmem_max of the sender's namespace")
    group.add_argument(
        "--hold-share",
        type=partial(parse_whole, "--hold-share"),
        metavar="N",
        help="in scenarios that hold clones back: hold 1 in N packets",
    )
    group.add_argument("--hold-rate", metavar="RATE", help="in these scenarios: release held clones at this rate")
    group.add_argument("-w", "--window", metavar="SIZE", help="set SO_SNDBUF")
    group.add_argument(
        "-b",
        "--bitrate",
        metavar="RATE",
        help="pace each channel; the kernel paces TCP, and the sender all else",
    )
    group.add_argument("-N", "--nagle", action="store_true", help="do not set TCP_NODELAY")
    group.add_argument("--cork", action="store_true", help="set TCP_CORK")
    group.add_argument(
        "--nics",
        "--link",
        metavar="TX,RX",
        help="use these two connected network cards of this host instead of a veth pair",
    )
    group.add_argument(
        "-A", "--affinity", metavar="N[,M]", help="pin the senders to CPU N and the sink to CPU M; with --to only N"
    )


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("policy")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the policy: see zcprobe policies",
    )
    group.add_argument("--flush-result", choices=get_args(FlushVariant), help="what flush() means by 1")
    group.add_argument(
        "--wait-for", choices=get_args(WaitFor), help=f"poll events of a waiting flush ({_DEFAULT.wait_for})"
    )


def add_measurement(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("measurement")
    group.add_argument(
        "--deadline",
        type=partial(parse_seconds, "--deadline"),
        metavar="SECONDS",
        help="end a run that hangs after this time, on top of -t"
        f" ({DEFAULT_DEADLINE_S:g}, or longer where calibration finds a slow path)",
    )
    group.add_argument(
        "--settle",
        type=partial(parse_seconds, "--settle"),
        metavar="SECONDS",
        help=f"wait for late completions ({_DEFAULT.settle_s:g})",
    )
    group.add_argument(
        "--probe-level",
        choices=get_args(ProbeLevel),
        help="BPF probes: none; counts kept in the kernel; an event for whatever moves the error queue or fails a send;"
        f" one for every send call, uarg and copy besides ({_DEFAULT.probe_level})",
    )
    group.add_argument("--probes", choices=("none",), help="none is --probe-level off")
    add_mechanism(group)
    group.add_argument("--no-record", action="store_true", help="keep counters only, no record of each send")
    group.add_argument(
        "--record-limit",
        metavar="SIZE",
        help="bytes of records on the disk, before they become tables; later ones are only counted"
        f" ({format_bytes(DEFAULT_RECORD_LIMIT_BYTES)})",
    )
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="parent of the new folder (%(default)s)",
    )
    group.add_argument("-J", "--json", action="store_true", help="print the result as JSON on stdout")
