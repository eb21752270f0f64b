# SPDX-License-Identifier: GPL-2.0-only
"""What an iterator wrote about the sockets of a process, as Python values."""

import ipaddress
import re
import socket
import struct
import sys
from collections import Counter
from itertools import islice
from typing import NamedTuple

from zcprobe.format.tables import SAMPLE_TABLE
from zcprobe.native import ffi, lib

__all__ = ["MOST_OTHERS", "Looked", "SocketLook", "decode", "endpoint", "protocol_name"]

MOST_OTHERS = 256
"""Most sockets without zerocopy that are told one by one."""


_AF_UNIX, _AF_INET, _AF_INET6, _AF_VSOCK = 1, 2, 10, 40
_PROTOCOLS = {6: "tcp", 17: "udp", 136: "udplite", 262: "mptcp"}
_ARPHRD_LOOPBACK = 772
_NETIF_F_SG = 1
"""NETIF_F_SG, bit 0 of the features of a device since Linux 2.6."""


def protocol_name(family: int, protocol: int) -> str:
    """tcp, udp, unix, vsock, or the number of another protocol over IP."""
    if family == _AF_UNIX:
        return "unix"
    return "vsock" if family == _AF_VSOCK else _PROTOCOLS.get(protocol, f"ip-{protocol}")


def endpoint(family: int, address: bytes, port: int) -> str | None:
    """`address:port`, of an address as in the packet; None for families without such addresses."""
    if family == _AF_INET:
        return f"{ipaddress.IPv4Address(address[:4])}:{port}"
    if family != _AF_INET6:
        return None
    found = ipaddress.IPv6Address(address)
    return f"{found.ipv4_mapped}:{port}" if found.ipv4_mapped else f"[{found}]:{port}"


class SocketLook(NamedTuple):
    """One socket at one moment: the members of `struct zc_socket_look`, in its order. Arrays are bytes."""

    address: int
    inode: int
    bytes_sent: int
    bytes_repeated: int
    user_locked_pages: int
    device_features: int
    local: bytes
    remote: bytes
    device: bytes
    device_kind: bytes
    fd: int
    tgid: int
    netns_inode: int
    next_send_id: int
    optmem_bytes: int
    optmem_max_bytes: int
    errqueue_depth: int
    tail_lo: int
    tail_hi: int
    charge_bytes: int
    sndbuf_bytes: int
    family: int
    protocol: int
    local_port: int
    remote_port: int
    device_type: int
    kind: int
    state: int
    zerocopy_enabled: int
    has_tail: int
    tail_copied: int
    has_device: int
    has_kind: int

    @property
    def key(self) -> tuple[int, int]:
        """Tells the socket from all others that are open or were: an address is used again, with another inode."""
        return self.address, self.inode

    @property
    def protocol_name(self) -> str:
        return protocol_name(self.family, self.protocol)

    @property
    def state_name(self) -> str | None:
        """The state as `ss` names it; None for one that it has no name for."""
        return SAMPLE_TABLE.enums["state"].get(self.state) if self.state else None

    @property
    def is_loopback(self) -> bool:
        return bool(self.has_device) and self.device_type == _ARPHRD_LOOPBACK

    @property
    def device_name(self) -> str | None:
        """The device that the socket's route leads to; None while it has no route."""
        return _text(self.device) if self.has_device else None

    @property
    def device_kind_name(self) -> str | None:
        """`loopback`, the kind of a virtual device (veth, tun, bridge), or `physical`; None where that is unknown."""
        if self.is_loopback:
            return "loopback"
        return (_text(self.device_kind) or "physical") if self.has_kind else None

    @property
    def scatter_gather(self) -> bool | None:
        """Whether the device can send from pages that are apart, without which the kernel copies."""
        return bool(self.device_features & _NETIF_F_SG) if self.has_device else None

    @property
    def local_text(self) -> str | None:
        return endpoint(self.family, self.local, self.local_port)

    @property
    def remote_text(self) -> str | None:
        """None where the socket is not connected."""
        port = socket.ntohs(self.remote_port)
        return endpoint(self.family, self.remote, port) if port else None


class Looked(NamedTuple):
    """One look at a process: its sockets on which zerocopy is or was in use, the first others, and how many others
    there are of each protocol."""

    zerocopy: list[SocketLook]
    others: list[SocketLook]
    other_counts: dict[str, int]


def _text(characters: bytes) -> str:
    return characters.partition(b"\0")[0].decode(errors="replace")


def _format_of(name: str) -> str:
    """The format of `struct <name>` for Python's struct module. An array is its bytes."""
    ctype = ffi.typeof(f"struct {name}")
    codes, end = [], 0
    for _, field in ctype.fields:
        size = ffi.sizeof(field.type)
        code = f"{size}s" if field.type.kind == "array" else {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        codes.append(f"{field.offset - end}x{code}")
        end = field.offset + size
    return "=" + "".join(codes) + f"{ffi.sizeof(ctype) - end}x"


_RECORD = struct.Struct(_format_of("zc_socket_look"))
_OFFSETS = {name: field.offset for name, field in ffi.typeof("struct zc_socket_look").fields}
_MARK = re.compile(rb"[^\0]")


def _column(content: bytes, name: str, size: int) -> list[bytes]:
    """A member of all records: the first byte of each, the second of each, and so on."""
    return [content[_OFFSETS[name] + place :: _RECORD.size] for place in range(size)]


def _positions_of_zerocopy(content: bytes) -> list[int]:
    """The records with SO_ZEROCOPY, or with a send. Looking at whole columns is ten times as fast as at one record
    after another, of which a process may have tens of thousands."""
    marks = 0
    for column in (*_column(content, "zerocopy_enabled", 1), *_column(content, "next_send_id", 4)):
        marks |= int.from_bytes(column)
    return [match.start() for match in _MARK.finditer(marks.to_bytes(len(content) // _RECORD.size))]


def _count_protocols(content: bytes) -> Counter[str]:
    counts: Counter[str] = Counter()
    kinds = zip(*_column(content, "family", 2), *_column(content, "protocol", 2), strict=True)
    for parts, count in Counter(kinds).items():
        family, protocol = (int.from_bytes(bytes(parts[place : place + 2]), sys.byteorder) for place in (0, 2))
        counts[protocol_name(family, protocol)] += count
    return counts


def _decode_at(content: bytes, position: int) -> SocketLook:
    return SocketLook._make(_RECORD.unpack_from(content, position * _RECORD.size))


def decode(content: bytes, most_others: int = MOST_OTHERS) -> Looked:
    """The sockets of one look, from what `read_iterator` returned. ValueError if its end is missing.

    Behind the end, Linux before 6.7 (87abbf7a54f6) looks once more at a process with several threads.
    """
    (kinds,) = _column(content, "kind", 1)
    count = kinds.find(lib.ZC_LOOK_END)
    if count < 0:
        raise ValueError("a look at a process has no end")
    content = content[: count * _RECORD.size]
    positions = _positions_of_zerocopy(content)
    zerocopy = [_decode_at(content, position) for position in positions]
    if len(content) == len(zerocopy) * _RECORD.size:
        return Looked(zerocopy, [], {})
    counts = _count_protocols(content) - Counter(look.protocol_name for look in zerocopy)
    used = set(positions)
    others = islice((one for one in range(len(content) // _RECORD.size) if one not in used), most_others)
    return Looked(zerocopy, [_decode_at(content, position) for position in others], dict(counts))
