# SPDX-License-Identifier: GPL-2.0-only
"""Each notification's path through the socket error queue, and the depth of the queue."""

from zcprobe.probes.base import Function, Probe, Tracepoint

__all__ = ["ERRQUEUE"]

ERRQUEUE = Probe(
    name="errqueue",
    tells="notifications appended, merged, read, purged, ranges and own COPIED bit; depth; the last holder's stack",
    blind="entries of other origins (timestamps, ICMP) but as part of the depth",
    blind_tracepoints=(
        "completions at one instant on two CPUs may show as one APPENDED event or as two; READ and MERGED are complete"
    ),
    functions=(Function(("sock_dequeue_err_skb",), "on_sock_dequeue_err_skb", anywhere=True),),
    tracepoints=(
        Tracepoint(
            "inet_sk_error_report", "on_inet_sk_error_report", 1, "Linux 5.14", for_timeline=True, anywhere=True
        ),
        Tracepoint("sock_recv_length", "on_sock_recv_length", 3, "Linux 6.3", required=False, for_watch=True),
    ),
)
