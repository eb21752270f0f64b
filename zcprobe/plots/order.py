"""The order in which figures show policies."""

from collections.abc import Sequence

from zcprobe.dataset.load import Run
from zcprobe.policies import POLICIES

__all__ = ["by_policy"]


def by_policy(runs: Sequence[Run]) -> list[Run]:
    """In the order in which the suite lists policies, unknown ones last: runs are shuffled, readers are not."""
    places = {policy: place for place, policy in enumerate(POLICIES)}
    return sorted(runs, key=lambda run: places.get(run.policy, len(places)))
