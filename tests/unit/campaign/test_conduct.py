# SPDX-License-Identifier: GPL-2.0-only
"""The order of a campaign's runs, when it ends, and what is left when it is killed: with runs that only make a
folder."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zcprobe import journal as journal_module
from zcprobe.analysis.validity import Reason
from zcprobe.benchmark.run import CompletedRun
from zcprobe.campaign import entry as entry_module
from zcprobe.campaign import maker as maker_module
from zcprobe.campaign.conduct import Step, conduct
from zcprobe.campaign.folder import make_campaign, open_campaign
from zcprobe.campaign.plan_file import Plan, plan_of
from zcprobe.campaign.points import PlannedPoint, points_of
from zcprobe.campaign.probing import SharedProbes
from zcprobe.campaign.resume import require_same_plan, settle
from zcprobe.cli.plan_options import make_run, plan_options
from zcprobe.dataset.campaign import read_campaign
from zcprobe.directory import Directory
from zcprobe.errors import HostError, OutputError, PeerError, UsageError
from zcprobe.format.campaign import Campaign, Point
from zcprobe.format.claims import Stamp
from zcprobe.interrupt import Interruption

NAME = "20260102T030405Z-in-order-qemu-merged-"


class Killed(BaseException):
    """Ends the command wherever it is, as SIGKILL would."""


class Machine:
    """Stands for all that makes runs. `goodput`: run number -> goodput. `before` and `after` are called around the
    moment in which the folder of a run gets its name."""

    def __init__(self) -> None:
        self.made: list[int] = []
        self.goodput: Callable[[int], float] = lambda number: 1e9 + number
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.clock_s = 0.0

    def record_run(
        self, benchmark: Any, parent: Directory, probes: object, interruption: Interruption, **keywords: Any
    ) -> CompletedRun:
        self.clock_s += 2.0
        self.before()
        run_id = keywords.get("run_id") or "warmup"
        folder = parent.within / f"{NAME}{run_id}"
        folder.mkdir()
        (folder / "run.json").write_text("{}")
        self.made.append(benchmark.config.channels)
        done = CompletedRun(parent.path / folder.name, self.metadata(run_id))
        self.after()
        keywords.get("on_kept", lambda done: None)(done)
        return done

    @staticmethod
    def reasons_of(meta: Any) -> list[Reason]:
        return [Reason("x", meta.sender.outcome, "")] if meta.sender.outcome != "completed" else []

    def metadata(self, run_id: str = "") -> Any:
        sender = SimpleNamespace(outcome="completed", sink_bytes=1, goodput_bps=self.goodput(len(self.made)))
        return SimpleNamespace(sender=sender, complete=True, reconciliation=[])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(journal_module, "JOURNAL_FOLDER", tmp_path / "run")
    monkeypatch.setattr(maker_module, "record_run", made.record_run)
    monkeypatch.setattr(SharedProbes, "needed_by", lambda *_: None)
    monkeypatch.setattr(time, "monotonic", lambda: made.clock_s)
    monkeypatch.setattr(entry_module, "reasons_of", made.reasons_of)
    monkeypatch.setattr("zcprobe.dataset.load.load_run", lambda *_, **__: SimpleNamespace(meta=made.metadata()))
    return made


class Work:
    """A plan over channels, its points and its folder."""

    def __init__(self, parent: Path, **settings: object) -> None:
        plan: Plan = plan_of({"channels": [1, 2, 3], "plan": {"warm-up": 0, "repeats": 2, **settings}}, plan_options())
        self.plan = plan
        self.points: list[PlannedPoint] = points_of(plan, make_run)
        points = [Point(key=point.key, axes=point.axes) for point in self.points]
        campaign = Campaign(name="x", started_utc="2026-01-02T03:04:05+00:00", plan={}, seed=1, points=points)
        self.place = make_campaign(parent, campaign)

    def go_on(
        self, interruption: Interruption | None = None, on_run: Callable[[Step], None] = lambda step: None
    ) -> None:
        with open_campaign(self.place) as folder:
            require_same_plan(folder.campaign, folder.place, self.points, self.plan.settings)
            settle(folder)
            conduct(folder, self.points, self.plan.settings, interruption or Interruption(), on_run)

    @property
    def campaign(self) -> Campaign:
        return read_campaign(self.place)

    def runs(self) -> list[tuple[str, int]]:
        return sorted((point.key, run.block) for point in self.campaign.points for run in point.runs)

    def require_whole(self, blocks: int) -> None:
        """Every point once in each block, each with its folder, and nothing else."""
        assert self.runs() == sorted((point.key, block) for point in self.points for block in range(1, blocks + 1))
        folders = {run.folder for point in self.campaign.points for run in point.runs}
        assert {path.name for path in self.place.iterdir()} == folders | {"campaign.json"}


def test_a_block_has_every_point_once_and_blocks_differ_in_their_order(machine: Machine, tmp_path: Path) -> None:
    work = Work(tmp_path, repeats=6)
    work.go_on()
    work.require_whole(6)
    blocks = [tuple(machine.made[at : at + 3]) for at in range(0, 18, 3)]
    assert all(sorted(block) == [1, 2, 3] for block in blocks)
    assert len(set(blocks)) > 1
    assert work.campaign.ended == "complete"
    assert work.campaign.spent_s == 36.0


def test_each_run_is_told_with_what_is_left(machine: Machine, tmp_path: Path) -> None:
    steps: list[Step] = []
    Work(tmp_path).go_on(on_run=steps.append)
    assert [(step.made, step.planned) for step in steps] == [(made, 6) for made in range(1, 7)]
    assert [step.left_s for step in steps][-3:] == [4.0, 2.0, 0.0]


def test_warm_up_runs_leave_nothing(machine: Machine, tmp_path: Path) -> None:
    work = Work(tmp_path, **{"warm-up": 2})
    work.go_on()
    work.require_whole(2)
    assert len(machine.made) == 8
    assert machine.made[0] == machine.made[1] == machine.made[2]
    work.go_on()
    assert len(machine.made) == 8  # nothing was missing, so nothing was warmed up


@pytest.mark.parametrize("error", [PeerError("the sender died", "look why"), OSError(28, "no room")])
def test_a_warm_up_run_that_fails_does_not_end_the_campaign(machine: Machine, tmp_path: Path, error: Exception) -> None:
    def fail_first() -> None:
        if machine.clock_s == 2.0:
            raise error

    machine.before = fail_first
    work = Work(tmp_path, **{"warm-up": 1})
    work.go_on()
    work.require_whole(2)
    assert len(machine.made) == 6


def test_a_run_that_fails_is_listed_and_does_not_end_the_campaign(machine: Machine, tmp_path: Path) -> None:
    def fail_second() -> None:
        if machine.clock_s == 4.0:
            raise PeerError("the sender died", "look why")
        if machine.clock_s == 8.0:
            raise ZeroDivisionError("nought")

    machine.before = fail_second
    work = Work(tmp_path)
    work.go_on()
    runs = [run for point in work.campaign.points for run in point.runs]
    assert work.campaign.ended == "complete"
    assert len(runs) == 6
    failed = [(run.outcome, run.folder, run.valid, run.why) for run in runs if run.folder is None]
    assert sorted(failed, key=str) == [
        ("failed", None, False, "the sender died"),
        ("failed", None, False, "unexpected ZeroDivisionError: nought"),
    ]
    machine.before = lambda: None
    work.go_on()
    assert len(machine.made) == 4  # it is not made again


def test_a_host_on_which_every_run_fails_ends_the_campaign(machine: Machine, tmp_path: Path) -> None:
    def fail() -> None:
        raise HostError("there is no veth", "load it")

    machine.before = fail
    work = Work(tmp_path, repeats=9)
    with pytest.raises(HostError, match="every run of block 1 failed, the last one because there is no veth"):
        work.go_on()
    assert len(work.runs()) == 3
    with pytest.raises(HostError, match="every run of block 2 failed"):
        work.go_on()
    machine.before = lambda: None
    work.go_on()  # the host was mended: the blocks that are left are made
    assert (work.campaign.ended, len(machine.made)) == ("complete", 7 * 3)


def test_results_that_cannot_be_stored_end_it_at_once(machine: Machine, tmp_path: Path) -> None:
    def fail() -> None:
        raise OutputError("the disk is full", "free some space")

    machine.before = fail
    work = Work(tmp_path)
    with pytest.raises(OutputError):
        work.go_on()
    assert work.runs() == []
    machine.before = lambda: None
    work.go_on()
    work.require_whole(2)


def test_it_goes_on_until_it_is_precise(machine: Machine, tmp_path: Path) -> None:
    machine.goodput = lambda number: 1e9 if number > 6 else 1e9 * number
    work = Work(tmp_path, precision="5 %", budget="1h", repeats=2)
    work.go_on()
    assert work.campaign.ended == "precise"
    blocks = len(work.runs()) // 3
    assert blocks > 5
    work.require_whole(blocks)


def test_it_ends_with_its_budget_and_goes_on_with_a_larger_one(machine: Machine, tmp_path: Path) -> None:
    machine.goodput = lambda number: 1e9 * (number % 7)
    work = Work(tmp_path, precision="0.1 %", budget="40s", repeats=2)
    work.go_on()
    assert work.campaign.ended == "budget"
    work.require_whole(6)  # each takes 6 s: what is left is no whole block
    work.plan = plan_of({"plan": {"precision": "0.1 %", "budget": "60s", "repeats": 2}}, plan_options())
    work.go_on()
    assert work.campaign.ended == "budget"
    assert 40 < work.campaign.spent_s <= 60


def test_a_budget_ends_also_the_blocks_that_were_asked_for(machine: Machine, tmp_path: Path) -> None:
    work = Work(tmp_path, budget="9s", repeats=100)
    work.go_on()
    assert work.campaign.ended == "budget"
    assert 3 <= len(work.runs()) <= 4


@pytest.mark.parametrize("seed", range(30))
def test_killed_at_any_moment_it_ends_as_if_undisturbed(seed: int, machine: Machine, tmp_path: Path) -> None:
    """Each sitting is killed before a run has its folder, after that and before it is listed, or once it is listed."""
    choice = random.Random(seed)

    def may_kill() -> None:
        if choice.random() < 0.15:
            raise Killed

    machine.before = machine.after = may_kill
    work = Work(tmp_path, repeats=4)
    kills = 0
    while work.campaign.ended is None:
        try:
            work.go_on(on_run=lambda step: may_kill())
        except Killed:
            kills += 1
    work.require_whole(4)
    assert kills
    assert work.campaign.pending is None
    assert all(run.valid for point in work.campaign.points for run in point.runs)


def test_a_signal_ends_it_after_the_run_in_progress(machine: Machine, tmp_path: Path) -> None:
    work, interruption = Work(tmp_path), Interruption()

    def interrupt() -> None:
        if len(machine.made) == 2:
            interruption.handle(15, None)

    machine.after = interrupt
    work.go_on(interruption)
    assert len(work.runs()) == 2
    assert (work.campaign.ended, work.campaign.spent_s) == (None, 4.0)
    work.go_on()
    work.require_whole(2)


def test_a_run_that_was_interrupted_is_kept_and_made_again(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, interruption = Work(tmp_path, repeats=1), Interruption()
    whole = machine.metadata

    def interrupted(run_id: str = "") -> Any:
        meta = whole()
        meta.sender.outcome = "interrupted"
        interruption.handle(15, None)
        return meta

    monkeypatch.setattr(machine, "metadata", interrupted)
    work.go_on(interruption)
    monkeypatch.setattr(machine, "metadata", whole)
    work.go_on()
    runs = [(run.outcome, run.valid) for point in work.campaign.points for run in point.runs]
    assert sorted(runs) == [("completed", True)] * 3 + [("interrupted", False)]


def test_what_was_said_at_its_end_is_taken_back_when_it_goes_on(machine: Machine, tmp_path: Path) -> None:
    """Or a campaign that is then interrupted would show verdicts on some of its runs as if they were on all."""
    work, interruption = Work(tmp_path), Interruption()
    work.go_on()
    with open_campaign(work.place) as folder:
        folder.campaign.stamp = Stamp(valid=True, run_count=6, why=[])
        folder.campaign.noise = {"goodput_bps": 0.1}
        folder.write()
    work.go_on()
    assert work.campaign.noise == {"goodput_bps": 0.1}  # no run was missing
    work.plan = plan_of({"plan": {"repeats": 3, "warm-up": 0}}, plan_options())
    machine.after = lambda: interruption.handle(15, None)
    work.go_on(interruption)
    assert [work.campaign.ended, work.campaign.stamp, work.campaign.noise] == [None] * 3


def test_another_plan_does_not_go_on(machine: Machine, tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.points = work.points[:2]
    with pytest.raises(UsageError, match="0 points are new, and 1 are gone"):
        work.go_on()
    work = Work(tmp_path)
    work.plan = plan_of({"plan": {"seed": 5}}, plan_options())
    with pytest.raises(UsageError, match="its seed is 5, and was 1"):
        work.go_on()


def test_more_repeats_of_the_same_plan_go_on(machine: Machine, tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.go_on()
    work.plan = plan_of({"plan": {"repeats": 3, "warm-up": 0}}, plan_options())
    work.go_on()
    work.require_whole(3)
