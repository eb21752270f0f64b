"""Whether RLIMIT_MEMLOCK, not optmem, refused a send."""

from zcprobe.probes.base import Attachment, Probe

__all__ = ["MEMLOCK"]

MEMLOCK = Probe(
    "memlock",
    "whether the send call was held to RLIMIT_MEMLOCK",
    "locked pages themselves; before Linux 6.14 a refusal that extends an earlier notification, which leaves no trace",
    (Attachment("cap_capable", "on_cap_capable", 5, "Linux 6.14"),),
)
