# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.campaign.plan_file import Field, combinations, parse_plan
from zcprobe.errors import UsageError

OPTIONS = ("policy", "length", "channels", "optmem-max", "set", "zerocopy")


def values_of(text: str) -> list[dict[str, object]]:
    plan = parse_plan(text.encode(), OPTIONS)
    return [{name: field.value for name, field in fields.items()} for fields in combinations(plan)]


def test_a_list_is_an_axis_and_every_combination_is_there() -> None:
    found = values_of('policy = ["a", "b"]\nlength = "64K"\nchannels = [1, 2, 4]')
    assert found == [{"policy": policy, "length": "64K", "channels": count} for policy in "ab" for count in (1, 2, 4)]


def test_a_part_replaces_what_stands_above_and_parts_are_put_one_after_another() -> None:
    found = values_of('length = "64K"\n[[part]]\npolicy = "a"\n[[part]]\nlength = ["4K", "8K"]')
    assert found == [{"length": "64K", "policy": "a"}, {"length": "4K"}, {"length": "8K"}]


def test_parameters_of_policies_are_axes_like_others() -> None:
    assert values_of("set.every = [8, 32]") == [{"set.every": 8}, {"set.every": 32}]


def test_an_empty_plan_is_one_run() -> None:
    assert values_of("") == [{}]


def test_fields_know_their_path() -> None:
    plan = parse_plan(b'[[part]]\nlength = ["4K", "8K"]\npolicy = "a"', OPTIONS)
    assert plan.parts[0]["length"] == [Field("part[0].length[0]", "4K"), Field("part[0].length[1]", "8K")]
    assert plan.parts[0]["policy"] == [Field("part[0].policy", "a")]


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("polcy = 'a'", "polcy", "did you mean 'policy'?"),
        ("[[part]]\nlenght = 1", "part[0].lenght", "did you mean 'length'?"),
        ("[[part]]\nlength = 1\n[[part]]\nlength = []", "part[1].length", "leave it out"),
        ("length = [4096, 4096]", "length[0]", "once"),
        ("length = [{a = 1}]", "length[0]", "quotes"),
        ("length = 2026-01-02", "length", "quotes"),
        ("set = 'every=8'", "set", "zcprobe run"),
        ("part = 1", "part", "[[part]]"),
        ("part = []", "part", "[[part]]"),
        ("part = [1]", "part", "[[part]]"),
        ("plan = 1", "plan", "[plan]"),
        ("[plan]\nrepeat = 5", "plan.repeat", "did you mean 'repeats'?"),
        ("[plan]\nrepeats = 0", "plan.repeats", "from 1 to 1000"),
        ("[plan]\nrepeats = true", "plan.repeats", "from 1 to 1000"),
        ("[plan]\nname = '../x'", "plan.name", "digits and dashes"),
        ("[plan]\nseed = -1", "plan.seed", "from 0"),
        ("[plan]\nprecision = '5'\nbudget = '1m'", "plan.precision", '"5 %"'),
        ("[plan]\nprecision = '0 %'\nbudget = '1m'", "plan.precision", '"5 %"'),
        ("[plan]\nprecision = '5 %'", "plan.precision", "budget"),
        ("[plan]\nbudget = 'soon'", "plan.budget", "90m"),
        ("[plan]\nbudget = 'nan'", "plan.budget", "30 days"),
        ("[plan]\nbudget = '31000h'", "plan.budget", "30 days"),
        ("[plan]\nbaseline = '../main'", "plan.baseline", "letters"),
        ("[plan]\nsmallest-effect = 'much'", "plan.smallest-effect", "5"),
        ("[plan]\nwarm-up = 1000", "plan.warm-up", "from 0 to 100"),
    ],
)
def test_what_is_wrong_is_told_with_its_path_and_what_to_write_instead(text: str, path: str, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_plan(text.encode(), OPTIONS)
    assert str(refusal.value).startswith((f"{path}: ", f"{path} "))
    assert hint in refusal.value.hint


@pytest.mark.parametrize("raw", [b"policy = ", b"\xff", b"a = [" * 5000, b"policy = 'a'\npolicy = 'b'"])
def test_what_is_not_toml_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError, match="is not TOML"):
        parse_plan(raw, OPTIONS)


def test_more_points_than_anybody_can_run_are_refused_before_they_are_made() -> None:
    many = ", ".join(map(str, range(200)))
    plan = parse_plan(f"length = [{many}]\nchannels = [{many}]".encode(), OPTIONS)
    with pytest.raises(UsageError, match=r"40,000 points: 200 of length x 200 of channels"):
        combinations(plan)


def test_settings_are_read() -> None:
    text = b'[plan]\nname = "x-1"\nrepeats = 7\nprecision = "2.5 %"\nbudget = "90m"\nseed = 3\nwarm-up = 0'
    settings = parse_plan(text, OPTIONS).settings
    assert (settings.name, settings.repeats, settings.seed, settings.warm_up) == ("x-1", 7, 3, 0)
    assert (settings.precision, settings.budget_s) == (0.025, 5400.0)


def test_a_plan_without_an_end_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 1,048,576 bytes"):
        parse_plan(b"#" * ((1 << 20) + 1), OPTIONS)
