"""What a run's sends went over."""

from typing import Any

__all__ = ["leaves_host"]

_LOOPBACK = "lo"


def leaves_host(meta: dict[str, Any]) -> bool:
    """Whether they left by a device of the host's own, instead of by veth or loopback, where the kernel copies all."""
    config = meta["config"]
    return bool(config.get("link") or (config.get("to") and meta["lab"].get("sender_device") != _LOOPBACK))
