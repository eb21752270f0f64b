# SPDX-License-Identifier: GPL-2.0-only
"""Every plan that zcprobe brings along can be carried out, and is what it says."""

import msgspec
import pytest

from zcprobe.analysis.questions.catalogue import QUESTIONS, cells_of
from zcprobe.campaign.built_in import BUILT_IN
from zcprobe.campaign.plan_file import plan_of
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.cli.main import main
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.errors import UsageError


def points(name: str, *, quick: bool) -> list[PlannedPoint]:
    return points_of(plan_of(BUILT_IN[name].make(quick, None), plan_options()), make_run)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_plan_is_made_quick_and_thorough(name: str) -> None:
    assert 1 < len(points(name, quick=True)) <= len(points(name, quick=False))
    assert BUILT_IN[name].text


def test_the_crossover_has_twelve_sizes_in_both_ways() -> None:
    found = points("crossover", quick=False)
    configs = [point.making.benchmark.config for point in found]
    assert len({config.send_bytes for config in configs}) == 12
    assert {(config.send_bytes, config.zerocopy) for config in configs} == {
        (config.send_bytes, zerocopy) for config in configs for zerocopy in (True, False)
    }
    assert len(configs) == 24
    assert {(config.scenario, config.probe_level, config.record) for config in configs} == {("in-order", "off", True)}


def test_the_crossover_has_no_part_that_could_be_named() -> None:
    with pytest.raises(UsageError, match="no part"):
        BUILT_IN["crossover"].make(True, "Q1")


@pytest.mark.parametrize("quick", [True, False])
def test_each_cell_is_a_point_of_its_own(quick: bool) -> None:
    plan = plan_of(BUILT_IN["questions"].make(quick, None), plan_options())
    points = points_of(plan, make_run)
    assert len(points) == len(cells_of(list(QUESTIONS.values())))
    assert plan.settings.questions == tuple(QUESTIONS)
    assert plan.settings.repeats >= 5


def test_a_thorough_campaign_sends_more() -> None:
    contents = [BUILT_IN["questions"].make(quick, None)["part"] for quick in (True, False)]
    for quick, thorough in zip(*contents, strict=True):
        assert thorough.get("count") == (4 * quick["count"] if "count" in quick else None)
        assert thorough.get("guest") == ("268435456" if quick.get("guest") == "64M" else None)
        amounts = dict.fromkeys(("count", "guest"))
        assert thorough | amounts == quick | amounts


def test_some_questions_need_some_points_alone() -> None:
    plan = plan_of(BUILT_IN["questions"].make(True, "q11,Q1"), plan_options())
    assert plan.settings.questions == ("Q1", "Q11")
    assert len(points_of(plan, make_run)) == 5
    with pytest.raises(UsageError, match="there is no question 'Q99'"):
        BUILT_IN["questions"].make(True, "Q99")


def test_a_dry_run_needs_no_root(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["campaign", "questions", "--quick", "--only", "Q12", "--dry-run", "-J"]) == 0
    content = msgspec.json.decode(capsysbinary.readouterr().out)
    assert (len(content["points"]), content["runs"]) == (3, 18)
    assert content["plan"]["plan"]["questions"] == ["Q12"]


@pytest.mark.parametrize(
    ("words", "needle", "hint"),
    [
        (
            ("plan.toml", "--quick"),
            "--quick is an option of built-in plans, and plan.toml is not one of them",
            "questions",
        ),
        (("plan.toml", "--only", "Q1"), "--only is an option of built-in plans", "questions"),
        (("questions", "--only", "Q0"), "there is no question 'Q0'", "Q1, Q2"),
        (("questions", "--only", ""), "there is no question ''", "Q1, Q2"),
    ],
)
def test_what_has_no_effect_is_refused(
    words: tuple[str, ...], needle: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["campaign", *words]) == 2
    what, to_do = capsys.readouterr().err.splitlines()
    assert needle in what
    assert hint in to_do


@pytest.mark.parametrize(
    ("value", "needle"),
    [
        ('"Q1"', "plan.questions: expected a list of questions"),
        ("[]", "plan.questions: expected a list of questions"),
        ('["Q1", "Q77"]', "plan.questions: there is no question 'Q77'"),
    ],
)
def test_a_plan_that_asks_what_nobody_knows_is_refused(
    value: str, needle: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{tmp_path}/plan.toml"
    with open(path, "w") as file:
        file.write(f"[plan]\nquestions = {value}\n")
    assert main(["campaign", path, "--dry-run"]) == 2
    assert needle in capsys.readouterr().err
