# SPDX-License-Identifier: GPL-2.0-only
"""What notifications charge to their socket's optmem, and when they return it."""

from zcprobe.probes.base import Function, Probe, Tracepoint

__all__ = ["OPTMEM"]

OPTMEM = Probe(
    name="optmem",
    tells="each charge given back, with its size and the level; the limit in force; at each ENOBUFS who held the rest",
    blind="charges of others to the same socket (socket filters, multicast lists) but as part of the level",
    blind_tracepoints="the moment of a charge: it shows in the level when the send call returns",
    functions=(
        Function(("sock_omalloc",), "on_sock_omalloc"),
        Function(("sock_ofree",), "on_sock_ofree", returns=False, anywhere=True),
    ),
    tracepoints=(Tracepoint("consume_skb", "on_consume_skb", 2, "Linux 6.3", anywhere=True),),
)
