# SPDX-License-Identifier: GPL-2.0-only
"""Runs are put into one number, one table or one pair of axes only when they were made alike."""

from collections.abc import Callable, Collection, Hashable, Sequence

from zcprobe.dataset.load import Run
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import POLICY_OPTIONS, differing
from zcprobe.errors import UsageError

__all__ = ["AMOUNT", "require_alike", "require_alike_within", "require_comparable"]

AMOUNT = frozenset({"send_count", "duration_s"})
"""How much is sent, which usually follows the size of a send."""

_MOST_NAMED = 5


def require_alike(runs: Sequence[Run], what: str, but_for: Collection[str] = ()) -> None:
    """UsageError, naming what differs, for runs that were made in different ways in anything but the options `but_for`.

    `what` says what they were to be put into: "one ratio".
    """
    found = differing(runs, but_for)
    if not found:
        return
    told = [describe_values(name, values) for name, values in found.items()]
    more = f"; and {len(told) - _MOST_NAMED} more differences" if len(told) > _MOST_NAMED else ""
    raise UsageError(
        f"these {len(runs)} runs were made in different ways and cannot be put into {what}:"
        f" {'; '.join(told[:_MOST_NAMED])}{more}",
        "choose runs that have that in common; zcprobe report sorts them into groups, and in Python as_comparisons()",
    )


def require_comparable(runs: Sequence[Run], what: str) -> None:
    """The same for runs of several policies: those of one policy have its parameters in common, all have the rest."""
    require_alike(runs, what, POLICY_OPTIONS)
    require_alike_within(runs, what, lambda run: run.policy)


def require_alike_within(
    runs: Sequence[Run], what: str, group: Callable[[Run], Hashable], but_for: Collection[str] = ()
) -> None:
    """The same for runs of which those that are alike in `group(run)` are put together."""
    groups: dict[Hashable, list[Run]] = {}
    for run in runs:
        groups.setdefault(group(run), []).append(run)
    for own in groups.values():
        require_alike(own, what, but_for)
