# SPDX-License-Identifier: GPL-2.0-only
"""Which runs are made, and in which order, so that drift affects all policies alike."""

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
    """Every policy once per repeat, in an order that is shuffled for each repeat. UsageError if `repeats` is below 1,
    or if a policy is unknown or named twice."""
    if repeats < 1:
        raise UsageError(f"--repeats must be at least 1, not {repeats}", "5 repeats give an interval")
    if len(set(policies)) != len(policies):
        raise UsageError(f"a policy is named twice in {','.join(policies)}", "name each policy once")
    for policy in policies:
        find_policy(policy)
    order = random.Random(seed)
    planned = []
    for repeat in range(1, repeats + 1):
        round_policies = list(policies)
        order.shuffle(round_policies)
        planned += [PlannedRun(policy, repeat) for policy in round_policies]
    return planned
