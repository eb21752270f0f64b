# SPDX-License-Identifier: GPL-2.0-only
"""The life of the kernel's ubuf_info_msgzc: how many sends share one, and when its last reference goes."""

from zcprobe.probes.base import Function, Probe

__all__ = ["COMPLETIONS", "UARG"]

COMPLETIONS = ("__msg_zerocopy_callback", "msg_zerocopy_complete", "msg_zerocopy_callback")
"""The first is inlined into the second in some builds; before 6.10 the second was called msg_zerocopy_callback."""

UARG = Probe(
    name="uarg",
    tells="uargs made and extended, sends each of them covers, the moment its last reference went",
    blind="uargs of io_uring, which have no notification",
    blind_tracepoints="its beginning: uargs and their sends are known from their completions, by optmem and errqueue",
    functions=(
        Function(("msg_zerocopy_realloc",), "on_msg_zerocopy_realloc"),
        Function(COMPLETIONS, "on_msg_zerocopy_complete_begin", returns=False, anywhere=True),
        Function(COMPLETIONS, "on_msg_zerocopy_complete", anywhere=True),
    ),
)
