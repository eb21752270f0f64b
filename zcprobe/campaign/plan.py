"""Which runs are made, and in which order: drift hits all policies alike."""

import random

import msgspec

from zcprobe.errors import UsageError
from zcprobe.policies import find_policy

__all__ = ["PlannedRun", "plan_runs"]


class PlannedRun(msgspec.Struct, frozen=True):
    """`repeat` counts from 1 within a policy."""

    policy: str
    repeat: int


def plan_runs(policies: list[str], repeats: int, seed: int) -> list[PlannedRun]:
    """Every policy once per repeat, in an order shuffled anew for each repeat. UsageError for repeats below 1, and for
    a policy that is unknown or named twice."""
    if repeats < 1:
        raise UsageError(f"{repeats} repeats are no comparison", "choose --repeats of 1 or more; 5 give an interval")
    if len(set(policies)) != len(policies):
        raise UsageError(f"a policy stands twice in {','.join(policies)}", "name each policy once")
    for policy in policies:
        find_policy(policy)
    order = random.Random(seed)
    planned = []
    for repeat in range(1, repeats + 1):
        round_policies = list(policies)
        order.shuffle(round_policies)
        planned += [PlannedRun(policy, repeat) for policy in round_policies]
    return planned
