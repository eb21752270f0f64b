"""zcprobe sink"""

import argparse
import socket
import sys
import threading

from zcprobe.errors import PeerError
from zcprobe.sink import Reading, SinkReport, listen, serve_one
from zcprobe.units import format_bytes, parse_bytes, parse_rate_bps

__all__ = ["run"]


def _describe(report: SinkReport) -> str:
    if not report.verified:
        content = "not looked at"
    else:
        content = "intact" if report.first_mismatch is None else f"first wrong byte at {report.first_mismatch}"
    datagrams = ""
    if report.duplicates is not None:
        repeated = f", {report.duplicates} arrived again" if report.duplicates else ""
        datagrams = f" in {report.frames} datagrams{repeated}"
    return f"received {report.bytes} bytes ({format_bytes(report.bytes)}){datagrams}, {content}"


def _reading(options: argparse.Namespace) -> Reading:
    return Reading(
        read_bps=0 if options.read_rate is None else parse_rate_bps(options.read_rate),
        stall_after_bytes=0 if options.stall_after is None else parse_bytes(options.stall_after),
        stall_s=0.0 if options.stall_after is None else options.stall,
        discard=options.discard,
    )


def _serve_and_tell(connection: socket.socket, reading: Reading) -> None:
    try:
        print(_describe(serve_one(connection, reading)), flush=True)
    except PeerError as error:
        print(f"zcprobe: {error}", file=sys.stderr)


def run(options: argparse.Namespace) -> int:
    """Every connection in a thread of its own, so that the channels of one sender run side by side."""
    reading = _reading(options)
    with listen(options.bind, options.port) as server:
        print(f"listening on {options.bind} port {options.port}", file=sys.stderr)
        if options.one_off:
            print(_describe(serve_one(server.accept()[0], reading)), flush=True)
            return 0
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve_and_tell, args=(connection, reading), daemon=True).start()
