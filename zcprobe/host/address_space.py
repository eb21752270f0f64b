# SPDX-License-Identifier: GPL-2.0-only
"""How much memory this process may map."""

import resource

from zcprobe.errors import HostError

__all__ = ["require_address_space"]

_NEEDED_BYTES = 2 << 30
"""A comparison with its report mapped at most 2.2 GiB without a limit, and failed with a limit of 1 GiB."""


def require_address_space() -> None:
    """HostError if RLIMIT_AS leaves too little. The compiler of the probes ends the whole process when an allocation
    fails, which would leave the lab open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY and soft < _NEEDED_BYTES:
        raise HostError(
            f"this process may map {soft >> 20} MiB of memory, but {_NEEDED_BYTES >> 20} MiB are needed",
            f"raise the limit: ulimit -v {_NEEDED_BYTES >> 10}, or unlimited",
        )
