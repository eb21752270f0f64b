"""zcprobe sink"""

import argparse
import sys

from zcprobe.errors import PeerError
from zcprobe.sink import SinkReport, listen, serve_one
from zcprobe.units import format_bytes

__all__ = ["run"]


def _describe(report: SinkReport) -> str:
    intact = "intact" if report.first_mismatch is None else f"first wrong byte at {report.first_mismatch}"
    return f"received {report.bytes} bytes ({format_bytes(report.bytes)}), {intact}"


def run(options: argparse.Namespace) -> int:
    with listen(options.bind, options.port) as server:
        print(f"listening on {options.bind} port {options.port}", file=sys.stderr)
        while True:
            connection, _ = server.accept()
            try:
                print(_describe(serve_one(connection)), flush=True)
            except PeerError as error:
                if options.one_off:
                    raise
                print(f"zcprobe: {error}", file=sys.stderr)
            if options.one_off:
                return 0
