# SPDX-License-Identifier: GPL-2.0-only
"""Checks that runs were made alike before they go into one number, one table or one pair of axes."""

from collections.abc import Callable, Collection, Hashable, Sequence

from zcprobe.dataset.load import Run
from zcprobe.dataset.option_words import describe_values
from zcprobe.dataset.options import POLICY_OPTIONS, differing
from zcprobe.errors import UsageError

__all__ = ["AMOUNT", "require_alike", "require_alike_within", "require_comparable"]

AMOUNT = frozenset({"send_count", "duration_s"})
"""The options that say how much is sent. The amount usually follows the size of a send."""

_MOST_NAMED = 5


def require_alike(runs: Sequence[Run], what: str, but_for: Collection[str] = ()) -> None:
    """Raises UsageError, which names what differs, when `runs` differ in any option except those in `but_for`.

    `what` names what the runs were to be put into, such as "one ratio".
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
    """Like `require_alike`, for runs of several policies. Runs of one policy must share that policy's parameters, and
    all runs must share every other option."""
    require_alike(runs, what, POLICY_OPTIONS)
    require_alike_within(runs, what, lambda run: run.policy)


def require_alike_within(
    runs: Sequence[Run], what: str, group: Callable[[Run], Hashable], but_for: Collection[str] = ()
) -> None:
    """Like `require_alike`, but compares only runs for which `group(run)` is the same."""
    groups: dict[Hashable, list[Run]] = {}
    for run in runs:
        groups.setdefault(group(run), []).append(run)
    for own in groups.values():
        require_alike(own, what, but_for)
