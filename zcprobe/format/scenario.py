# SPDX-License-Identifier: GPL-2.0-only
"""The scenario of a run: the member `scenario` of run.json."""

from typing import Any

import msgspec

__all__ = ["RecordedScenario"]


class RecordedScenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scenario in effect, with the values that calibration chose. `hold`, `delay`, `reorder` and `reading` have the
    parameters of each impairment, or None if the scenario does not have it. `shares` has the shares of the path's
    goodput from which their rates were computed. `reorder`, `shares` and `is_control` are None in runs made before they
    existed."""

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
