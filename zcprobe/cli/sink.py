"""zcprobe sink"""

import argparse
import socket
import sys
import threading

from zcprobe.errors import PeerError, UsageError
from zcprobe.sink import Reading, SinkReport, listen, serve_one
from zcprobe.units import format_bytes, parse_bytes, parse_rate_bps

__all__ = ["run"]

_MIN_READ_BPS, _MAX_READ_BPS = 8, 10**12
_DEFAULT_STALL_S, _MAX_STALL_S = 5.0, 86400.0
_MAX_STALL_AFTER_BYTES = 2**63 - 1


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
    """UsageError for what no reader could do, or would not."""
    read_bps = 0 if options.read_rate is None else parse_rate_bps(options.read_rate)
    if options.read_rate is not None and not _MIN_READ_BPS <= read_bps <= _MAX_READ_BPS:
        raise UsageError(
            f"a --read-rate of {read_bps} bit/s is out of range",
            f"choose from {_MIN_READ_BPS}, a byte in a second, to 1000G; without it the sink reads as fast as it can",
        )
    if options.stall is not None and options.stall_after is None:
        raise UsageError(
            "--stall says for how long, and nothing says when", "add --stall-after SIZE, or leave out --stall"
        )
    stall_s = _DEFAULT_STALL_S if options.stall is None else options.stall
    if not 0 < stall_s <= _MAX_STALL_S:
        raise UsageError(f"--stall {stall_s:g} is out of range", "give seconds, more than 0 and at most a day")
    stall_after_bytes = 0 if options.stall_after is None else parse_bytes(options.stall_after)
    if stall_after_bytes > _MAX_STALL_AFTER_BYTES:
        raise UsageError(
            f"a --stall-after of {stall_after_bytes} bytes is out of range",
            f"choose from 0 to {_MAX_STALL_AFTER_BYTES}",
        )
    return Reading(
        read_bps=read_bps,
        stall_after_bytes=stall_after_bytes,
        stall_s=0.0 if options.stall_after is None else stall_s,
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
