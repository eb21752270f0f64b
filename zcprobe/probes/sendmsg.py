# SPDX-License-Identifier: GPL-2.0-only
"""What the send calls returned, and at each ENOBUFS optmem and the cause."""

from zcprobe.probes.base import Function, Probe, Tracepoint
from zcprobe.probes.waits import SWITCH

__all__ = ["SENDMSG"]

_UDP_OF_IPV6 = "udpv6_sendmsg"
"""Absent if the kernel has no IPv6."""

_FORK = Tracepoint("sched_process_fork", "on_sched_process_fork", 2, "Linux 2.6.28", for_watch=True)

_DESTROY = Tracepoint("tcp_destroy_sock", "on_tcp_destroy_sock", 1, "Linux 4.16")

SENDMSG = Probe(
    name="sendmsg",
    tells="results of the send calls; level, limit, queue and cause at each ENOBUFS; the kernel's own count of sends",
    blind="send calls of other families than TCP and UDP",
    blind_tracepoints=(
        "whether a call carried MSG_ZEROCOPY; of an ENOBUFS far below every limit only what it can have been"
        " (allocation, fast open, a foreign uarg, a corked datagram)"
    ),
    functions=(
        Function(("tcp_sendmsg",), "on_tcp_sendmsg"),
        Function(("udp_sendmsg",), "on_udp_sendmsg"),
        Function((_UDP_OF_IPV6,), "on_udpv6_sendmsg", only_with=_UDP_OF_IPV6),
        Function(("ip_append_data",), "on_ip_append_data", kretprobe="on_append"),
        Function(("ip_make_skb",), "on_ip_make_skb", kretprobe="on_append"),
        Function(("ip6_append_data",), "on_ip6_append_data", kretprobe="on_append", only_with=_UDP_OF_IPV6),
        Function(("ip6_make_skb",), "on_ip6_make_skb", kretprobe="on_append", only_with=_UDP_OF_IPV6),
    ),
    beside_functions=(_DESTROY, _FORK, SWITCH),
    tracepoints=(Tracepoint("sock_send_length", "on_sock_send_length", 3, "Linux 6.3"), _DESTROY, _FORK, SWITCH),
)
