"""How a run, or one of its channels, can end."""

__all__ = ["OUTCOME_WORDS", "SEVERITY", "worst_outcome"]

OUTCOME_WORDS = {
    "completed": "completed",
    "dead_enobufs": "dead of ENOBUFS",
    "dead_timeout": "hung until the deadline",
    "dead_error": "another error",
    "interrupted": "interrupted",
}
"""How a run ended, for people."""

SEVERITY = ("dead_enobufs", "dead_timeout", "dead_error", "interrupted", "completed")
"""The same, the worst first."""


def worst_outcome(outcomes: list[str]) -> str:
    """A run is what became of its unluckiest channel."""
    return min(outcomes, key=SEVERITY.index)
