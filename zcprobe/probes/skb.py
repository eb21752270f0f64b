# SPDX-License-Identifier: GPL-2.0-only
"""What happens to the data: copied after all, and on which path; dropped by the qdisc."""

from zcprobe.probes.base import Function, Probe, Tracepoint

__all__ = ["SKB"]

_FREED = Tracepoint("kfree_skb", "on_kfree_skb", 2, "Linux 2.6.28", anywhere=True)

SKB = Probe(
    name="skb",
    tells="drops by the qdisc that a UDP sender learns of as ENOBUFS; the stacks that copied user pages after all",
    blind="data that was linearized instead of copied by skb_copy_ubufs()",
    blind_tracepoints="who copied: only that it was copied, from each uarg's COPIED bit",
    functions=(Function(("skb_copy_ubufs",), "on_skb_copy_ubufs", returns=False, anywhere=True),),
    beside_functions=(_FREED,),
    tracepoints=(_FREED,),
)
