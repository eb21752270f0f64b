# SPDX-License-Identifier: GPL-2.0-only
"""Whether RLIMIT_MEMLOCK, not optmem, refused a send."""

from zcprobe.probes.base import Function, Probe, Tracepoint

__all__ = ["MEMLOCK"]

MEMLOCK = Probe(
    name="memlock",
    tells="whether the send call was refused by RLIMIT_MEMLOCK; the user's locked pages and the limit at each ENOBUFS",
    blind="who else of the user holds the locked pages",
    blind_tracepoints="before Linux 6.14 a refusal that extends an earlier uarg, which leaves no trace",
    functions=(Function(("mm_account_pinned_pages",), "on_mm_account_pinned_pages"),),
    tracepoints=(Tracepoint("cap_capable", "on_cap_capable", 5, "Linux 6.14", required=False, for_memlock=True),),
)
