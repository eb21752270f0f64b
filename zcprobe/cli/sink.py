# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe sink"""

import argparse
import ipaddress
import os
import socket
import sys

from zcprobe.errors import OutputError, UsageError
from zcprobe.native.process import allow_only_receiving, give_up_root
from zcprobe.sink.listener import listen
from zcprobe.sink.serving import Service
from zcprobe.tokens import make_token, prepare_proofs, read_token
from zcprobe.units import format_bytes, parse_bytes, parse_rate_bps
from zcprobe.wire import Reading, SinkReport

__all__ = ["run"]

_DEFAULT_ADDRESS = "127.0.0.1"
_VSOCK_LOCAL, _VSOCK_ANY = 1, 2**32 - 1
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
    """UsageError for options of a slow reader that are out of range or have no effect."""
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


def _is_loopback(server: socket.socket) -> bool:
    """Whether only processes of this host can connect."""
    own = server.getsockname()[0]
    return own == _VSOCK_LOCAL if isinstance(own, int) else ipaddress.ip_address(own.partition("%")[0]).is_loopback


def _target(server: socket.socket) -> str:
    """The target that a sender on another host gives to --to. It is this host's name where the sink listens on all
    addresses."""
    own, port = server.getsockname()[:2]
    if isinstance(own, int):
        return f"vsock:{'CID' if own == _VSOCK_ANY else own}:{port}"
    if ipaddress.ip_address(own.partition("%")[0]).is_unspecified:
        return f"{socket.gethostname()}:{port}"
    return f"[{own}]:{port}" if ":" in own else f"{own}:{port}"


def _how_to_send(server: socket.socket, options: argparse.Namespace, token: str | None) -> str:
    """The words to paste on the sender's host; empty where nothing has to be added."""
    if token is None:
        return "" if options.bind else "  for this host alone; -B ADDRESS listens elsewhere, and asks for a token"
    target = _target(server)
    vsock = "--vsock " if target.startswith("vsock:") else ""
    secret = f"--token {token}" if options.token_file is None else "--token-file FILE, with the same token"
    return f"  send to it: zcprobe run {vsock}--to {target} {secret}"


def _token(options: argparse.Namespace, server: socket.socket) -> str | None:
    """The token of the file, or a new one. None on loopback without a file."""
    if options.token_file is not None:
        return read_token(options.token_file)
    return None if _is_loopback(server) else make_token()


def _print(report: SinkReport) -> None:
    """Prints without a buffer. Buffered text that a signal interrupts right after writing would be written twice."""
    try:
        os.write(sys.stdout.fileno(), f"{_describe(report)}\n".encode())
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"stdout cannot be written: {error.strerror}", "redirect it to a file with room") from error


def run(options: argparse.Namespace) -> int:
    """Serves until a signal ends the sink, or with -1 until one sender's streams have ended."""
    reading = _reading(options)
    address = _DEFAULT_ADDRESS if options.bind is None else options.bind
    with listen(address, options.port) as server:
        token = _token(options, server)
        if token is not None:
            prepare_proofs()
        give_up_root()
        allow_only_receiving()
        service = Service(server, token, reading, _print, one_off=options.one_off)
        print(f"listening on {address} port {options.port}", file=sys.stderr)
        if told := _how_to_send(server, options, token):
            print(told, file=sys.stderr)
        try:
            service.run()
        except BrokenPipeError:
            return 0  # the reader of stdout has gone (head), which is no error of ours; nothing is left to be flushed
    return 0
