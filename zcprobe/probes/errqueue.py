"""Each notification's way through the socket error queue, and the depth of it."""

from zcprobe.probes.base import Attachment, Probe

__all__ = ["ERRQUEUE"]

ERRQUEUE = Probe(
    "errqueue",
    "notifications appended, merged, read and purged, their ranges and own COPIED bit; depth; the last holder's stack",
    "completions at one instant on two CPUs may show as one APPENDED event or as two; READ and MERGED are complete",
    (
        Attachment("inet_sk_error_report", "on_inet_sk_error_report", 1, "Linux 5.14"),
        Attachment("consume_skb", "on_consume_skb", 2, "Linux 6.3"),
        Attachment("kfree_skb", "on_kfree_skb", 2, "Linux 2.6.28"),
    ),
)
