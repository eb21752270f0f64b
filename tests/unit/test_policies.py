import pytest

from zcprobe.errors import UsageError
from zcprobe.native.structs import enum_names
from zcprobe.policies import POLICIES, find_policy


def test_python_and_c_know_the_same_policies_and_flush_variants() -> None:
    in_c = {name.replace("_", "-") for name in enum_names("zc_policy_id", "ZC_POLICY_").values()}
    variants = {name.replace("_", "-") for name in enum_names("zc_flush_variant", "ZC_FLUSH_").values()}
    assert set(POLICIES) == in_c
    assert {policy.flush_variant for policy in POLICIES.values()} <= variants


def test_an_unknown_policy_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as refused:
        find_policy("qemu")
    assert all(name in refused.value.hint for name in POLICIES)
