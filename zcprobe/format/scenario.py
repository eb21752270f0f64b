"""The scenario that a run went through: the member `scenario` of run.json."""

from typing import Any

import msgspec

__all__ = ["RecordedScenario"]


class RecordedScenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scenario as it was in effect, with what calibration chose. `hold`, `delay`, `reorder` and `reading` have the
    parameters of each impairment, None where the scenario has no such impairment; `shares` has the shares of the
    path's goodput from which their rates followed. `reorder`, `shares` and `is_control` are None in a run that was made
    before they existed."""

    name: str
    description: str
    send_bytes: int
    send_count: int
    optmem_max_bytes: int | None
    hold: dict[str, Any] | None
    delay: dict[str, Any] | None
    reorder: dict[str, Any] | None
    memlock_bytes: int | None
    reading: dict[str, Any] | None
    sndbuf_bytes: int | None
    shares: dict[str, Any] | None
    is_control: bool | None
