# SPDX-License-Identifier: GPL-2.0-only
"""What is wrong with a sender: one finding of a diagnosis."""

from typing import Literal, get_args

import msgspec

__all__ = ["DIAGNOSES", "Diagnosed", "DiagnosisId"]

DiagnosisId = Literal[
    "flush-did-not-wait",
    "memlock",
    "foreign-uarg",
    "unread-out-of-order",
    "limit-too-small",
    "cannot-be-zerocopy",
    "all-copied",
    "small-sends",
    "nothing-wrong",
]
"""The ids, the most severe first: what makes send calls fail comes before what only makes zerocopy useless.
docs/attach.md has a section for each."""

DIAGNOSES: tuple[str, ...] = get_args(DiagnosisId)


class Diagnosed(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `id` is for programs and never changes. `what` says in one or two sentences what was found, with the
    numbers. `evidence` has these numbers by name, each with its unit in the name; None for one that was not seen. `do`
    is one thing to do about it."""

    id: DiagnosisId
    what: str
    evidence: dict[str, int | float | str | None]
    do: str
