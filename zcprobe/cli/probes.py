"""zcprobe probes"""

import argparse
import sys

import msgspec
from rich.table import Table

from zcprobe.cli.console import StdoutConsole
from zcprobe.host.btf import open_btf
from zcprobe.probes.session import PROBES

__all__ = ["run"]


class _Row(msgspec.Struct, frozen=True):
    probe: str
    mechanism: str
    tracepoints: list[str]
    tells: str
    blind: str
    reason: str | None


def _rows() -> list[_Row]:
    with open_btf() as btf:
        reasons = [probe.reason_not(btf) for probe in PROBES]
    return [
        _Row(
            probe.name,
            "none" if reason else "tracepoint",
            [item.tracepoint for item in probe.attachments],
            probe.tells,
            probe.blind,
            reason,
        )
        for probe, reason in zip(PROBES, reasons, strict=True)
    ]


def run(options: argparse.Namespace) -> int:
    rows = _rows()
    if options.json:
        sys.stdout.buffer.write(msgspec.json.encode({"probes": rows}) + b"\n")
        return 0
    table = Table("probe", "mechanism", "raw tracepoints", "tells", "cannot see")
    for row in rows:
        table.add_row(row.probe, row.reason or row.mechanism, "\n".join(row.tracepoints), row.tells, row.blind)
    StdoutConsole().print(table)
    return 0
