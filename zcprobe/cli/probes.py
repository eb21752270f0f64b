# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe probes"""

import argparse
import sys

import msgspec

from zcprobe.host.btf import Btf, open_btf
from zcprobe.probes.base import Probe
from zcprobe.probes.loading import PROBES
from zcprobe.probes.mechanisms import try_mechanisms
from zcprobe.probes.uring import URING, lack_of_uring

__all__ = ["run"]


class _Row(msgspec.Struct, frozen=True):
    """`refusals`: mechanism -> why it cannot be used, for those tried before the one in use."""

    probe: str
    mechanism: str
    attaches: list[str]
    tells: str
    blind: str
    refusals: dict[str, str]


def _attaches(probe: Probe, mechanism: str, btf: Btf) -> list[str]:
    """The functions or tracepoints of the probe that this kernel has."""
    functions, tracepoints = probe.functions, probe.beside_functions
    if mechanism == "tracepoint":
        functions, tracepoints = (), probe.tracepoints
    named = ((item.symbol(btf), item) for item in functions)
    names = [f"{symbol}{'()' if item.returns else ''}" for symbol, item in named if symbol is not None]
    return names + [item.name for item in tracepoints if item.exists(btf)]


def _row(probe: Probe, mechanism: str, refused: dict[str, str], btf: Btf) -> _Row:
    blind = probe.blind
    if mechanism == "tracepoint":
        blind = f"{blind}; {probe.blind_tracepoints}"
    attaches = [] if mechanism == "none" else _attaches(probe, mechanism, btf)
    return _Row(probe.name, mechanism, attaches, probe.tells, blind, refused)


def _rows() -> list[_Row]:
    """HostError where there is no BTF, from which all are compiled."""
    refused: dict[str, str] = {}
    mechanism = "none"
    with open_btf() as btf:
        for trial in try_mechanisms():
            if trial.refusal is None:
                mechanism = trial.mechanism
                break
            refused[trial.mechanism] = trial.refusal
        rows = [_row(probe, mechanism, refused, btf) for probe in PROBES]
        return [*rows, _row(URING, "none" if lack_of_uring(btf) else mechanism, refused, btf)]


def run(options: argparse.Namespace) -> int:
    rows = _rows()
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"probes": rows}) + b"\n")
        return 0
    from rich.table import Table

    from zcprobe.cli.console import StdoutConsole

    table = Table("probe", "mechanism", "attaches to (): its return", "tells", "cannot see")
    for row in rows:
        table.add_row(row.probe, row.mechanism, "\n".join(row.attaches) or "-", row.tells, row.blind)
    console = StdoutConsole()
    console.print(table)
    for mechanism, reason in rows[0].refusals.items():
        console.print(f"not by {mechanism}: {reason}")
    return 0
