# SPDX-License-Identifier: GPL-2.0-only
"""Which runs share a figure, and the order in which it shows policies."""

from collections.abc import Iterable, Sequence

from zcprobe.analysis.alike import require_comparable
from zcprobe.dataset.load import Run
from zcprobe.policies import POLICIES

__all__ = ["by_policy", "in_order"]


def in_order(policies: Iterable[str]) -> list[str]:
    """Each policy once, in the order in which zcprobe lists them, and unknown ones last. Runs are made in a shuffled
    order, which readers need not see."""
    places = {policy: place for place, policy in enumerate(POLICIES)}
    return sorted(dict.fromkeys(policies), key=lambda policy: places.get(policy, len(places)))


def by_policy(runs: Sequence[Run]) -> list[Run]:
    """The runs in the order of their policies.

    UsageError for runs that differ in more than the policy, and for runs of one policy whose parameters differ.
    """
    require_comparable(runs, "one figure")
    places = in_order(run.policy for run in runs)
    return sorted(runs, key=lambda run: places.index(run.policy))
