# SPDX-License-Identifier: GPL-2.0-only
"""Findings about a run: whether its counts agree, and what to know before trusting them."""

from typing import Literal

import msgspec

__all__ = ["Finding", "RunWarning"]


class Finding(msgspec.Struct, frozen=True):
    """One comparison of two counts; `holds` says whether they agree. `kind`, if they do not: "lost" (there was more
    than was kept), or "mismatch" (two counts of the same thing differ)."""

    what: str
    expected: int
    found: int
    holds: bool
    kind: Literal["lost", "mismatch"] = "mismatch"


class RunWarning(msgspec.Struct, frozen=True):
    """A warning. `id` is for programs and never changes; `text` is one sentence for people. docs/scenarios.md lists the
    ids."""

    id: str
    text: str
