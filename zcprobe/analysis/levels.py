# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel event says about the level of optmem. Tables, figures and traces all use this definition."""

__all__ = ["LEVEL_KINDS", "STILL_CHARGED"]

STILL_CHARGED = ("merged", "read", "purged", "discarded", "refused")
"""Kinds of events whose notification is being freed but is still charged. Their probes run in consume_skb(), in
kfree_skb() or at the beginning of sock_ofree(), before sk_omem_alloc is lowered."""

LEVEL_KINDS = (*STILL_CHARGED, "appended", "enobufs")
"""Kinds of events at which depth and level are those of an open socket that a send or a completion has changed.
`closed` is left out, because by then everything is freed or given up; so are kinds that this version does not know."""
