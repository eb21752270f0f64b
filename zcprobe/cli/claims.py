# SPDX-License-Identifier: GPL-2.0-only
"""Claims on a terminal: a row for each, with the noise beside it."""

from collections.abc import Sequence

from rich.table import Table

from zcprobe.analysis.claim_text import count_text, effect_text, noise_text, verdict_text
from zcprobe.analysis.quantities import COMPARED
from zcprobe.format.claims import Claim
from zcprobe.format.intervals import CONFIDENCE_TEXT

__all__ = ["claim_table"]


def claim_table(claims: Sequence[Claim], against: str) -> Table:
    """The claims in their order. `against` names the reference of all."""
    title = f"against {against}: means of the differences and their {CONFIDENCE_TEXT} BCa intervals"
    table = Table("", "quantity", "difference", "noise", "p", "n", "verdict", title=title)
    for claim in claims:
        table.add_row(
            claim.candidate,
            COMPARED[claim.quantity].words,
            effect_text(claim),
            noise_text(claim),
            f"{claim.p_corrected:.2g}",
            count_text(claim),
            verdict_text(claim),
        )
    return table
