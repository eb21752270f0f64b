# SPDX-License-Identifier: GPL-2.0-only
"""A sender's connection to the sink: greeting, plan, the measured stream, and what TCP reports about it afterwards."""

import socket
import time

import msgspec

from zcprobe.config import Family
from zcprobe.endpoint import socket_address, socket_family
from zcprobe.errors import PeerError
from zcprobe.handshake import announce
from zcprobe.sender.tcp_state import read_tcp_state
from zcprobe.wire import StreamPlan

__all__ = ["Link", "open_link", "tcp_members"]

_CONNECT_TIMEOUT_S = 5.0


class Link:
    """A connection to the sink: `control` carries greeting, plan and report, `data` the measured stream.

    `bytes_before`: the part of TCP_INFO's count of acknowledged bytes that precedes the measured stream."""

    def __init__(self, control: socket.socket, data: socket.socket, said_bytes: int) -> None:
        self.control = control
        self.data = data
        self.bytes_before = said_bytes + 1  # the SYN counts as a byte

    def close(self) -> None:
        self.data.close()
        self.control.close()


def _connect(address: str, port: int, family: Family, where: str, deadline_s: float) -> socket.socket:
    """The family of the target: an address shows its own; a name is looked up in the requested family."""
    kind = socket.AF_INET6 if family == "ipv6" else socket_family(address)
    control = socket.socket(kind, socket.SOCK_STREAM)
    control.settimeout(max(min(_CONNECT_TIMEOUT_S, deadline_s - time.monotonic()), 0.001))
    try:
        control.connect(socket_address(address, port))
    except OSError as error:
        control.close()
        raise PeerError(
            f"no sink at {where}: {error.strerror or error}", "start one there: zcprobe sink -B ADDRESS"
        ) from error
    return control


def _datagram_socket(control: socket.socket) -> socket.socket:
    """A UDP socket at the address of the connection, from which alone the sink accepts datagrams."""
    own = control.getsockname()
    data = socket.socket(control.family, socket.SOCK_DGRAM)
    data.bind((own[0], 0, *own[2:]))
    return data


def open_link(address: str, port: int, family: Family, plan: StreamPlan, token: str | None, deadline_s: float) -> Link:
    """A connection on which the sink has agreed to receive what `plan` says. PeerError, also after `deadline_s` of
    time.monotonic(), and if the sink takes too long for a step of the handshake."""
    where = f"{address} port {port}"
    control = _connect(address, port, family, where, deadline_s)
    data = control
    try:
        if plan.is_datagram:
            data = _datagram_socket(control)
            plan = msgspec.structs.replace(plan, datagram_port=data.getsockname()[1])
        answer, said_bytes = announce(control, plan, token, where, deadline_s)
        if plan.is_datagram:
            if answer.datagram_port is None:
                raise PeerError("the sink named no port for datagrams", "run the same version of zcprobe on both sides")
            data.connect((control.getpeername()[0], answer.datagram_port, *control.getpeername()[2:]))
    except OSError as error:
        data.close()
        control.close()
        raise PeerError(
            f"no datagrams can be sent to {where}: {error.strerror or error}", "try again without -u"
        ) from error
    except BaseException:
        data.close()
        control.close()
        raise
    return Link(control, data, said_bytes)


def tcp_members(link: Link, result: dict[str, int]) -> dict[str, int]:
    """The kernel's counts for the report of a channel whose data went by TCP; otherwise None."""
    if link.data.family == socket.AF_VSOCK or link.data is not link.control:
        return {}
    state = read_tcp_state(link.data)
    acked = min(max(0, state.acked_bytes - link.bytes_before), result["bytes_sent"])
    return {"retransmit_count": state.retransmit_count, "acked_bytes": acked}
