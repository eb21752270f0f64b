# SPDX-License-Identifier: GPL-2.0-only
"""A sample as text for people: columns in capitals, numbers to the right."""

import time
from typing import NamedTuple

from zcprobe.attach.sampler import Sample

__all__ = ["NARROW", "STATE", "TIME", "WIDE", "Column", "cells", "cut", "fullness", "number"]


class Column(NamedTuple):
    """`width` is negative for text, which stands at the left."""

    name: str
    width: int


NARROW = (
    Column("FD", 5),
    Column("REMOTE", -20),
    Column("SENDS/S", 8),
    Column("MBIT/S", 7),
    Column("FLIGHT", 6),
    Column("UNREAD", 6),
    Column("OPTMEM", 7),
    Column("LIMIT", 7),
)
STATE = Column("STATE", -5)
WIDE = (
    Column("PID", 7),
    *NARROW,
    Column("STATE", -10),
    Column("TAIL", -23),
    Column("DEVICE", -15),
    Column("LOCAL", -21),
)
TIME = Column("TIME", -8)


def cut(text: str, width: int) -> str:
    """The text in that width; a remote address loses its beginning, because its port tells more."""
    room = abs(width)
    if len(text) > room:
        text = f"~{text[-(room - 1) :]}" if ":" in text else text[:room]
    return text.ljust(room) if width < 0 else text.rjust(room)


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def cells(sample: Sample) -> dict[str, str]:
    """Column -> text. Levels are the highest of the looks of the interval."""
    history, look = sample.history, sample.history.look
    seconds = max(sample.interval_ns, 1) / 1e9
    in_flight = history.recent.in_flight_bytes
    if in_flight is not None and history.charge_bytes:
        in_flight //= history.charge_bytes
    is_tcp = look.protocol_name == "tcp"
    return {
        "TIME": time.strftime("%H:%M:%S"),
        "PID": str(history.pid),
        "FD": str(look.fd),
        "REMOTE": look.remote_text or f"({look.protocol_name})",
        "LOCAL": look.local_text or "-",
        "SENDS/S": number(sample.sends / seconds),
        "MBIT/S": number(sample.bytes_sent * 8 / seconds / 1e6 if is_tcp else None),
        "FLIGHT": number(in_flight),
        "UNREAD": number(history.recent.errqueue_depth),
        "OPTMEM": number(history.recent.optmem_bytes),
        "LIMIT": number(history.optmem_max_bytes),
        "STATE": (look.state_name or "-") if history.is_open else "gone",
        "TAIL": f"{look.tail_lo}..{look.tail_hi}" if look.has_tail else "-",
        "DEVICE": look.device_name or "-",
    }


def fullness(sample: Sample) -> float:
    return sample.history.recent.optmem_bytes / (sample.history.optmem_max_bytes or 1)
