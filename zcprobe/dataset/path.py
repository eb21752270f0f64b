# SPDX-License-Identifier: GPL-2.0-only
"""The path that the sends of a run took."""

from zcprobe.format.metadata import RunMetadata

__all__ = ["leaves_host"]

_LOOPBACK = "lo"


def leaves_host(meta: RunMetadata) -> bool:
    """Whether the sends left by a device of the host, and not by veth or loopback, where the kernel copies all data."""
    config = meta.config
    return bool(config.link or (config.to and meta.lab.sender_device != _LOOPBACK))
