"""What a run's sends went over."""

from zcprobe.format.metadata import RunMetadata

__all__ = ["leaves_host"]

_LOOPBACK = "lo"


def leaves_host(meta: RunMetadata) -> bool:
    """Whether they left by a device of the host's own, instead of by veth or loopback, where the kernel copies all."""
    config = meta.config
    return bool(config.link or (config.to and meta.lab.sender_device != _LOOPBACK))
