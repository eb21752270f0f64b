# SPDX-License-Identifier: GPL-2.0-only
"""How a run, or one of its channels, can end."""

from typing import NamedTuple

__all__ = ["OUTCOMES", "OUTCOME_WORDS", "Outcome", "worst_outcome"]


class Outcome(NamedTuple):
    """`words` say how one run ended; `sentence` says of a policy in how many of its runs that happened."""

    words: str
    sentence: str


OUTCOMES = {
    "dead_enobufs": Outcome("dead of ENOBUFS", "died of ENOBUFS in {count} of {total} runs"),
    "dead_timeout": Outcome("hung until the deadline", "hung until the deadline in {count} of {total}"),
    "dead_error": Outcome("another error", "ended with another error in {count} of {total}"),
    "interrupted": Outcome("interrupted", "was interrupted in {count} of {total}"),
    "completed": Outcome("completed", "completed {count} of {total} runs"),
}
"""Every outcome, the worst first."""

OUTCOME_WORDS = {name: outcome.words for name, outcome in OUTCOMES.items()}

_SEVERITY = list(OUTCOMES)


def worst_outcome(outcomes: list[str]) -> str:
    """The outcome of a run is that of the channel that fared worst."""
    return min(outcomes, key=_SEVERITY.index)
