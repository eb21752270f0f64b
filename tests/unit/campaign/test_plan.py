# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.campaign.plan import plan_runs
from zcprobe.errors import UsageError


def test_each_repeat_has_every_policy_once_and_the_order_changes() -> None:
    plan = plan_runs(["qemu-pre", "qemu-shipped", "qemu-merged"], 6, seed=1)
    rounds = [[item.policy for item in plan if item.repeat == repeat] for repeat in range(1, 7)]
    assert all(sorted(names) == ["qemu-merged", "qemu-pre", "qemu-shipped"] for names in rounds)
    assert len({tuple(names) for names in rounds}) > 1
    assert plan == plan_runs(["qemu-pre", "qemu-shipped", "qemu-merged"], 6, seed=1)


@pytest.mark.parametrize(("policies", "repeats"), [(["qemu-pre"], 0), (["qemu-pre", "qemu-pre"], 1), (["nix"], 1)])
def test_what_is_no_plan_is_refused(policies: list[str], repeats: int) -> None:
    with pytest.raises(UsageError):
        plan_runs(policies, repeats, seed=1)
