"""A sender's connection to the sink: greeting, plan, what is measured, and what TCP says of it afterwards."""

import socket

import msgspec

from zcprobe.config import Family
from zcprobe.errors import PeerError
from zcprobe.sink import GREETING, SinkReport, socket_address, socket_family
from zcprobe.tcp_state import read_tcp_state

__all__ = ["Link", "connect", "datagram_port", "tcp_members"]

_CONNECT_TIMEOUT_S = 5.0


class Link:
    """A connection to the sink: `control` carries greeting, plan and report, `data` what is measured.

    `bytes_before`: what TCP_INFO's count of acknowledged bytes has of the connection before what is measured."""

    def __init__(self, control: socket.socket, data: socket.socket, plan: bytes) -> None:
        self.control = control
        self.data = data
        self.bytes_before = len(plan) + 1  # the SYN
        self.lines = control.makefile("rb")

    def close(self) -> None:
        self.lines.close()
        self.data.close()
        self.control.close()


def connect(address: str, port: int, family: Family) -> socket.socket:
    """A name is looked up in the family asked for; an address says itself which it is."""
    where = f"{address} port {port}"
    kind = socket.AF_INET6 if family == "ipv6" else socket_family(address)
    control = socket.socket(kind, socket.SOCK_STREAM)
    control.settimeout(_CONNECT_TIMEOUT_S)
    try:
        control.connect(socket_address(address, port))
    except OSError as error:
        control.close()
        raise PeerError(f"no sink at {where}: {error.strerror or error}", "start one there: zcprobe sink") from error
    try:
        greeting = control.recv(len(GREETING), socket.MSG_WAITALL)
    except OSError as error:
        control.close()
        raise PeerError(
            f"what listens at {where} does not greet as a sink does: {error.strerror or error}",
            "see that it is a zcprobe sink, and that nothing has stopped it",
        ) from error
    if greeting != GREETING:
        control.close()
        raise PeerError(
            f"what listens at {where} is no sink of this version (it said {greeting[:32]!r})",
            "run the same version of zcprobe on both sides",
        )
    return control


def datagram_port(link: Link) -> int | None:
    try:
        return msgspec.json.decode(link.lines.readline(), type=SinkReport).datagram_port
    except (OSError, msgspec.DecodeError):
        link.close()
        raise PeerError(
            "the sink named no port for datagrams", "run the same version of zcprobe on both sides"
        ) from None


def tcp_members(link: Link, result: dict[str, int]) -> dict[str, int]:
    """Of the channel's report, where its data went by TCP."""
    if link.data.family == socket.AF_VSOCK or link.data is not link.control:
        return {}
    state = read_tcp_state(link.data)
    acked = min(max(0, state.acked_bytes - link.bytes_before), result["bytes_sent"])
    return {"retransmit_count": state.retransmit_count, "acked_bytes": acked}
