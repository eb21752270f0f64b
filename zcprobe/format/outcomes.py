# SPDX-License-Identifier: GPL-2.0-only
"""How a run, or one of its channels, can end."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

__all__ = ["OUTCOMES", "OUTCOME_WORDS", "Outcome", "OutcomeText", "worst_outcome"]

Outcome = Literal["dead_enobufs", "dead_timeout", "dead_error", "interrupted", "completed"]
"""Every outcome, the worst first."""


class OutcomeText(NamedTuple):
    """`words` say how one run ended; `sentence` says of a policy in how many of its runs that happened."""

    words: str
    sentence: str


OUTCOMES: dict[Outcome, OutcomeText] = {
    "dead_enobufs": OutcomeText("dead of ENOBUFS", "died of ENOBUFS in {count} of {total} runs"),
    "dead_timeout": OutcomeText("hung until the deadline", "hung until the deadline in {count} of {total}"),
    "dead_error": OutcomeText("another error", "ended with another error in {count} of {total}"),
    "interrupted": OutcomeText("interrupted", "was interrupted in {count} of {total}"),
    "completed": OutcomeText("completed", "completed {count} of {total} runs"),
}

OUTCOME_WORDS = {name: outcome.words for name, outcome in OUTCOMES.items()}

_SEVERITY: tuple[Outcome, ...] = get_args(Outcome)


def worst_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome of a run is that of the channel that fared worst."""
    return min(outcomes, key=_SEVERITY.index)
