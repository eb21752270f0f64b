# SPDX-License-Identifier: GPL-2.0-only
"""One live migration with multifd and zero-copy-send, over QMP."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from tests.senders.machine import Machine

__all__ = ["CHANNELS", "Migration", "migrate"]

CHANNELS = 2
_PORT = 4444
_INTERVAL_S = 0.05
_LONGEST_S = 90.0
"""It takes 5 to 15 s on two idle cores."""


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended: `status` and `error` (error-desc) as query-migrate has them. `missed_zero_copy` is
    ram.dirty-sync-missed-zero-copy, None where this QEMU does not tell it."""

    status: str
    error: str | None
    seconds: float
    missed_zero_copy: int | None


def _prepare(source: Machine, destination: Machine, downtime_ms: int) -> None:
    for machine, names in ((source, ("multifd", "zero-copy-send")), (destination, ("multifd",))):
        capabilities = [{"capability": name, "state": True} for name in names]
        machine.monitor.execute("migrate-set-capabilities", capabilities=capabilities)
        machine.monitor.execute("migrate-set-parameters", multifd_channels=CHANNELS)
    source.monitor.execute("migrate-set-parameters", max_bandwidth=10**11, downtime_limit=downtime_ms)


def _is_over(info: dict[str, Any]) -> bool:
    return info.get("status") in ("completed", "failed", "cancelled")


def _wait(source: Machine, look: Callable[[], None]) -> dict[str, Any]:
    deadline = time.monotonic() + _LONGEST_S
    while not _is_over(info := source.monitor.execute("query-migrate")):
        if time.monotonic() > deadline:
            source.monitor.execute("migrate_cancel")
            raise TimeoutError(f"the migration was not over after {_LONGEST_S:.0f} s: {info}")
        look()
        time.sleep(_INTERVAL_S)
    return info


def migrate(
    source: Machine, destination: Machine, address: str, downtime_ms: int, look: Callable[[], None]
) -> Migration:
    """Migrates the guest to the destination, which was started with `-incoming defer` and listens at that address;
    calls `look` again and again meanwhile. After a failure the guest runs on at the source."""
    _prepare(source, destination, downtime_ms)
    uri = f"tcp:{address}:{_PORT}"
    destination.monitor.execute("migrate-incoming", uri=uri)
    begun = time.monotonic()
    source.monitor.execute("migrate", uri=uri)
    info = _wait(source, look)
    return Migration(
        status=info["status"],
        error=info.get("error-desc"),
        seconds=time.monotonic() - begun,
        missed_zero_copy=info.get("ram", {}).get("dirty-sync-missed-zero-copy"),
    )
