# SPDX-License-Identifier: GPL-2.0-only
"""A prediction of optmem in words: the formula with its numbers, and what it assumes."""

from zcprobe.analysis.demand import Demand
from zcprobe.format.kernel import SKB_TRUESIZE_ZERO_BYTES, whole_pages_bytes
from zcprobe.units import format_bytes, format_duration_ns, format_rate_bps

__all__ = ["assumptions_of", "formula_of"]


def formula_of(demand: Demand, unacknowledged: int, late: int, unread: int | None) -> str:
    """The formula with its numbers, a line for the limit and one for each term that is not a constant."""
    lines = ["optmem_max = baseline + (notifications - 1) x charge + 576"]
    if unread is not None:
        count = unacknowledged + late + unread
        lines.append(f"= {demand.baseline_bytes:,} + ({count:,} - 1) x {demand.charge_bytes:,} + 576")
    lines.append(
        f"notifications = {unacknowledged:,} unacknowledged + {late:,} late + "
        + ("unread ones without end" if unread is None else f"{unread:,} unread")
    )
    lines.append(f"unacknowledged = {_unacknowledged(demand)}")
    if late:
        lines.append(f"late = {_late(demand)}")
    return "\n".join(lines)


def _unacknowledged(demand: Demand) -> str:
    pages_bytes = whole_pages_bytes(demand.send_bytes)
    buffered = f"{demand.sndbuf_bytes:,} / ({pages_bytes:,} + {SKB_TRUESIZE_ZERO_BYTES}) + 2"
    if not demand.is_paced:
        return buffered
    paced = f"{demand.sends_per_s:,.6g}/s x {format_duration_ns(demand.delay_ns)} + 1"
    return f"the smaller of {buffered} and {paced}"


def _late(demand: Demand) -> str:
    if demand.late_sends is not None:
        return f"{demand.late_sends:,}, from the level that was seen"
    chance = "" if demand.late_share == 1 else " + 3 standard deviations"
    return f"{demand.sends_per_s:,.6g}/s x {demand.late_share:.4g} x {format_duration_ns(demand.late_ns)}{chance}"


def assumptions_of(demand: Demand) -> list[str]:
    """Sentences, each of which must hold for the limit to be enough."""
    return [
        f"The kernel charges {demand.charge_bytes} bytes for a notification, and each send has one of its own. (Small"
        " sends that wait unsent share one, and then need less.)",
        _sending(demand),
        *_lateness(demand),
        _order(demand),
        *_channels(demand),
        "The socket uses TCP. RLIMIT_MEMLOCK, which limits all sockets of a user together, is another matter.",
    ]


def _sending(demand: Demand) -> str:
    if demand.is_paced and demand.bandwidth_bps:
        return (
            f"The sender writes no faster than {format_rate_bps(demand.bandwidth_bps)}, and data is acknowledged within"
            f" {format_duration_ns(demand.delay_ns)}."
        )
    return (
        "The sender writes as fast as its socket takes data, so what the send buffer holds is in flight: at most"
        f" {format_bytes(demand.sndbuf_bytes)}."
    )


def _lateness(demand: Demand) -> list[str]:
    if not demand.late_share or not demand.bandwidth_bps:
        return []
    which = "Every send" if demand.late_share == 1 else f"A share of {demand.late_share:.4g} of the sends, by chance,"
    return [
        f"{which} completes at most {format_duration_ns(demand.late_ns)} after its acknowledgement, at"
        f" {format_rate_bps(demand.bandwidth_bps)}."
    ]


def _order(demand: Demand) -> str:
    if demand.is_in_order:
        return "Sends complete in order, so unread notifications merge into one, and nobody has to read them in time."
    out_of_order = "Late sends complete out of order, so their notifications do not merge"
    if demand.entries_per_send is not None:
        out_of_order = f"Sends complete out of order: {demand.entries_per_send:.3g} notifications for each were seen"
    if demand.read_every_sends is None:
        return f"{out_of_order}, and the sender reads them only when a send is refused, or never."
    return (
        f"{out_of_order}. The sender reads its error queue until"
        f" EAGAIN after every {demand.read_every_sends:,} sends at the latest."
    )


def _channels(demand: Demand) -> list[str]:
    if demand.channels == 1:
        return []
    return [f"optmem_max counts for each socket alone, and the {demand.channels} channels share the bandwidth evenly."]
