# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel event says about the level of optmem: one definition for tables, figures and traces."""

__all__ = ["LEVEL_KINDS", "STILL_CHARGED"]

STILL_CHARGED = ("merged", "read", "purged", "discarded", "refused")
"""Kinds of events whose notification is being freed and still charged: their probes run in consume_skb(), kfree_skb()
or at the beginning of sock_ofree(), before sk_omem_alloc is lowered."""

LEVEL_KINDS = (*STILL_CHARGED, "appended", "enobufs")
"""Kinds of events at which both counters are those of a living socket that a send or a completion has changed: not
`closed`, when all is freed or given up, nor kinds that are not known here."""
