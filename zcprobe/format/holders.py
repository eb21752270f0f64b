# SPDX-License-Identifier: GPL-2.0-only
"""Who held the data of a completion last, from the stack on which the last reference to it was dropped."""

import re

__all__ = ["UNKNOWN_HOLDER", "last_holder"]

UNKNOWN_HOLDER = "(not seen)"
"""The holder when no stack was stored, or when the reader's own error report was the first to see the new tail."""

_FREEING = re.compile(
    r"sk_error_report|_*msg_zerocopy_\w+|skb_release_\w+|_*k?free_skb\w*|consume_skb|_*consume_stateless_skb"
    r"|napi_consume_skb|sk_skb_reason_drop|kfree_skb\w*|_*dev_kfree_skb\w*|tcp_wmem_free_skb|skb_zcopy\w*"
    r"|(_*bpf_trace|call_trace|trace_call|_*traceiter)\w*"
)
"""Frames between the last reference and the probe. They show that an skb was freed, not who held it."""


def last_holder(frames: list[str]) -> str:
    """The innermost frame that is not a freeing function, without offset and compiler suffix."""
    names = [frame.split("+")[0].split(".")[0] for frame in frames]
    for position, name in enumerate(names):
        if not _FREEING.fullmatch(name):
            completing = any("msg_zerocopy" in inner for inner in names[:position])
            return name if completing else UNKNOWN_HOLDER
    return UNKNOWN_HOLDER
