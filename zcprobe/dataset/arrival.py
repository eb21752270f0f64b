# SPDX-License-Identifier: GPL-2.0-only
"""How much of what was sent arrived at the sink: in words, and computed for runs made before it was stored."""

from collections.abc import Mapping
from typing import Any

from zcprobe.format.summary import SenderSummary
from zcprobe.units import format_bytes

__all__ = ["arrival_of_older", "datagrams_text", "missing_text", "sink_text"]


def datagrams_text(sender: SenderSummary) -> str | None:
    """`1,000 sent, 500 received, 500 missing (684 KiB)`; None for a stream."""
    sent, received = sender.datagrams_sent, sender.datagrams_received
    if sent is None:
        return None
    if received is None:
        return f"{sent:,} sent; what arrived is not known"
    text = f"{sent:,} sent, {received:,} received, {sender.datagrams_missing:,} missing"
    if sender.bytes_missing:
        text += f" ({format_bytes(sender.bytes_missing)})"
    repeated = sender.datagrams_repeated
    return f"{text}; {repeated:,} arrived more than once" if repeated else text


def missing_text(sender: SenderSummary) -> str | None:
    """`500 of 1,000 datagrams missing`; None where none is missing, or that is not known."""
    if not sender.datagrams_missing:
        return None
    return f"{sender.datagrams_missing:,} of {sender.datagrams_sent:,} datagrams missing"


def sink_text(sender: SenderSummary) -> str:
    """What the sink reports of content and amount; without a report, what TCP acknowledged."""
    if sender.sink_bytes is None:
        acked = sender.bytes_acked
        if acked is None:
            return "no report"
        return f"no report; its kernel acknowledged {format_bytes(acked)} of {format_bytes(sender.bytes_sent)}"
    content = {None: "content not looked at", True: "intact", False: "NOT as sent"}[sender.sink_intact]
    return ", ".join(filter(None, (content, missing_text(sender), format_bytes(sender.sink_bytes))))


def arrival_of_older(counts: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Members of a summary, or of a channel's counts, for a run that did not store what is missing.

    Its goodput was that of the bytes that the sockets took, over the same time. A datagram that arrived twice counts
    as two.
    """
    sent, received = counts["bytes_sent"], counts["sink_bytes"]
    members: dict[str, Any] = {"bytes_missing": _difference(sent, received)}
    if sent and counts.get("goodput_bps") is not None:
        members["goodput_bps"] = _goodput_of_older(counts["goodput_bps"], sent, received)
    if config["protocol"] == "udp":
        members |= _datagrams_of_older(counts, config)
    return members


def _goodput_of_older(taken_bps: float, sent: int, received: int | None) -> float | None:
    if received is None:
        return None
    return taken_bps if received == sent else taken_bps * received / sent


def _datagrams_of_older(counts: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Every send call was a datagram. How many arrived can be computed where all had one size."""
    calls, received = (counts["sends"], counts.get("plain_sends")), counts["sink_bytes"]
    sent = None if None in calls else sum(calls)
    size = config["send_bytes"] if config["traffic"]["model"] == "stream" else None
    arrived = received // size if size and received is not None and not received % size else None
    return {
        "datagrams_sent": sent,
        "datagrams_received": arrived,
        "datagrams_missing": _difference(sent, arrived),
    }


def _difference(sent: int | None, received: int | None) -> int | None:
    return None if sent is None or received is None else max(0, sent - received)
