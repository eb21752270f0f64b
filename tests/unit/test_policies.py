# SPDX-License-Identifier: GPL-2.0-only
import msgspec
import pytest

from zcprobe.errors import UsageError
from zcprobe.native import ffi, lib
from zcprobe.native.settings import fill_parameters
from zcprobe.native.structs import enum_names
from zcprobe.policies import POLICIES, Policy, PolicyParameters, find_policy, parse_parameters

PARAMETERS = PolicyParameters.__struct_fields__


def test_python_and_c_know_the_same_policies_in_the_same_order() -> None:
    names = [lib.zc_policy_name(number) for number in range(len(POLICIES) + 1)]
    assert names.pop() == ffi.NULL
    assert list(POLICIES) == [ffi.string(name).decode() for name in names]


def test_a_policy_that_c_does_not_know_is_none() -> None:
    assert lib.zc_find_policy(b"qemu") == ffi.NULL


def test_the_table_is_keyed_by_name_and_says_what_each_does() -> None:
    for name, policy in POLICIES.items():
        assert policy.name == name
        assert policy.on_enobufs
        assert policy.otherwise
        assert policy.stands_for


def test_python_and_c_know_the_same_flush_variants() -> None:
    variants = {name.replace("_", "-") for name in enum_names("zc_flush_variant", "ZC_FLUSH_").values()}
    assert {policy.flush_variant for policy in POLICIES.values()} == variants


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_parameter_that_a_policy_reads_exists_and_takes_its_default(policy: Policy) -> None:
    assert set(policy.reads) <= set(PARAMETERS)
    texts = [f"{name}={getattr(policy.defaults, name)}" for name in policy.reads]
    assert parse_parameters(policy, texts) == policy.defaults


def test_every_parameter_is_read_by_some_policy() -> None:
    assert {name for policy in POLICIES.values() for name in policy.reads} == set(PARAMETERS)


def test_what_a_policy_does_not_read_keeps_its_default() -> None:
    for policy in POLICIES.values():
        ignored = set(PARAMETERS) - set(policy.reads)
        assert {name: getattr(policy.defaults, name) for name in ignored} == {
            name: getattr(PolicyParameters(), name) for name in ignored
        }


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_every_other_parameter_is_refused_and_its_own_are_named(policy: Policy) -> None:
    for name in set(PARAMETERS) - set(policy.reads):
        with pytest.raises(UsageError, match=f"policy {policy.name} has no parameter '{name}'") as refused:
            parse_parameters(policy, [f"{name}=1"])
        assert all(own in refused.value.hint for own in policy.reads)


@pytest.mark.parametrize(
    "text",
    [
        "resume_percent=0",
        "resume_percent=100",
        "watermark_percent=100",
        "wait_ms=0",
        "wait_ms=3600001",
        "copy_above=2",
        "copy_above=-1",
        "copy_above=yes",
        "copy_above",
        "copy_above=",
        "wait_ms=1.5",
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(text: str) -> None:
    with pytest.raises(UsageError, match=r"is out of range|takes a whole number") as refused:
        parse_parameters(find_policy("watermark"), [text])
    assert "whole number from" in refused.value.hint


def test_the_last_of_two_values_counts() -> None:
    chosen = parse_parameters(find_policy("watermark"), ["wait_ms=5", "copy_above=0", "wait_ms=7"])
    assert (chosen.wait_ms, chosen.copy_above) == (7, 0)
    assert chosen.resume_percent == find_policy("watermark").defaults.resume_percent


def test_parameters_reach_the_core_whole() -> None:
    asked = PolicyParameters(
        drain_every=1,
        threshold_bytes=2,
        max_in_flight=3,
        reenable_after=4,
        resume_percent=5,
        watermark_percent=6,
        wait_ms=7,
        copy_above=0,
        flush_once=0,
        off_on_copied=1,
    )
    target = ffi.new("struct zc_policy_parameters *")
    fill_parameters(target, asked)
    expected = {name: value for name, value in msgspec.to_builtins(asked).items() if name != "wait_ms"}
    assert {name: int(getattr(target, name)) for name in expected} == expected
    assert target.wait_ns == 7_000_000


def test_an_unknown_policy_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as refused:
        find_policy("qemu")
    assert all(name in refused.value.hint for name in POLICIES)
