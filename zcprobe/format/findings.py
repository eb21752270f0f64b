"""What was found out about a run: whether its counts agree, and what to know before believing them."""

from typing import Literal

import msgspec

__all__ = ["Finding", "RunWarning"]


class Finding(msgspec.Struct, frozen=True):
    """One comparison; `holds` is what counts. `kind`, when it does not hold: "lost" (there was more than was kept), or
    "mismatch" (two counts of the same thing differ)."""

    what: str
    expected: int
    found: int
    holds: bool
    kind: Literal["lost", "mismatch"] = "mismatch"


class RunWarning(msgspec.Struct, frozen=True):
    """`id` is for programs and stays as it is, `text` is one sentence for people. docs/scenarios.md lists the ids."""

    id: str
    text: str
