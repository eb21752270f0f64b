"""Which runs share a figure, and the order in which it shows policies."""

from collections.abc import Sequence

from zcprobe.analysis.alike import require_comparable
from zcprobe.dataset.load import Run
from zcprobe.policies import POLICIES

__all__ = ["by_policy"]


def by_policy(runs: Sequence[Run]) -> list[Run]:
    """In the order in which the suite lists policies, unknown ones last: runs are shuffled, readers are not.

    UsageError for runs that differ in more than the policy, or within one in its parameters.
    """
    require_comparable(runs, "one figure")
    places = {policy: place for place, policy in enumerate(POLICIES)}
    return sorted(runs, key=lambda run: places.get(run.policy, len(places)))
