# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe campaign`: the runs of a plan, whatever comes between."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.dataset.campaign import read_campaign
from zcprobe.dataset.index_file import INDEX_FILE
from zcprobe.dataset.indexed_runs import IndexedRuns
from zcprobe.dataset.load import load_run, load_runs
from zcprobe.format.campaign import CAMPAIGN_FILE, Campaign

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

SMALL = 'scenario = "in-order"\nprobe-level = "off"\ncount = 23\n'
KILLS = 10


def write_plan(tmp_path: Path, text: str) -> str:
    (tmp_path / "plan.toml").write_text(text)
    return "plan.toml"


def folder_of(tmp_path: Path) -> Path:
    (folder,) = (tmp_path / "results").iterdir()
    return folder


def made(campaign: Campaign) -> list[tuple[str, int]]:
    return sorted((point.key, run.block) for point in campaign.points for run in point.runs if run.is_counted)


def require_whole(folder: Path, blocks: int) -> Campaign:
    """Every point was made once in each block; each run is there, and nothing else. Runs this short are counted, but
    not valid."""
    campaign = read_campaign(folder)
    assert made(campaign) == sorted((point.key, block) for point in campaign.points for block in range(1, blocks + 1))
    names = {run.folder for point in campaign.points for run in point.runs}
    assert {path.name for path in folder.iterdir()} == {*names, CAMPAIGN_FILE, INDEX_FILE}
    runs = load_runs(folder)
    assert (len(runs), runs.skipped, type(runs)) == (len(names), [], IndexedRuns)
    for point in campaign.points:
        for run in point.runs:
            assert run.folder is not None
            found = load_run(folder / run.folder)
            assert (found.digest, found.sender.outcome) == (run.sha256, run.outcome)
    return campaign


def test_a_plan_over_policies_and_limits(zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path,
        'scenario = "in-flight"\npolicy = ["qemu-pre", "qemu-merged"]\noptmem-max = ["20K", "1M"]\ncount = 53\n'
        '[plan]\nname = "limits"\nrepeats = 2\nseed = 3\n',
    )
    dry = zcprobe("campaign", plan, "--dry-run", "-J")
    assert dry.returncode == 0, dry.stderr
    assert not (tmp_path / "results").exists()
    expected = msgspec.json.decode(dry.stdout)
    assert expected["runs"] == 8
    assert expected["expected_s"] > 8

    result = zcprobe("campaign", plan, "-J")
    assert result.returncode == 0, result.stderr
    content = msgspec.json.decode(result.stdout)
    folder = folder_of(tmp_path)
    assert tmp_path / content["folder"] == folder
    assert "-limits-campaign-" in folder.name
    campaign = require_whole(folder, 2)
    assert campaign.ended == "complete"
    assert [{"key": point.key, "axes": point.axes} for point in campaign.points] == [
        {"key": point["key"], "axes": point["axes"]} for point in expected["points"]
    ]
    for point in campaign.points:
        runs = [load_run(folder / run.folder) for run in point.runs if run.folder]
        assert {run.policy for run in runs} == {point.axes["policy"]}
        limit = {"20K": 20480, "1M": 1 << 20}[str(point.axes["optmem-max"])]
        assert {run.kernel.optmem_max_bytes for run in runs} == {limit}
        dies = point.axes == {"policy": "qemu-pre", "optmem-max": "20K"}
        assert {run.outcome for run in point.runs} == {"dead_enobufs" if dies else "completed"}
    assert "8 of 8, 0 s left: policy " in result.stderr
    assert campaign.stamp is not None
    assert campaign.stamp.run_count == 8
    completed = [one for one in campaign.verdicts if one.quantity == "completed_share"]
    assert sorted((one.axis, one.effect, one.shown) for one in completed) == [
        ("optmem-max", 0.0, False),
        ("optmem-max", 1.0, False),
        ("policy", 0.0, False),
        ("policy", 1.0, False),
    ]  # so large, and yet two runs of each are too few to show it
    assert campaign.noise is not None
    assert campaign.noise["completed_share"] == 0


def test_sizes_in_both_ways_have_a_crossover(zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(
        tmp_path,
        'scenario = "in-order"\nprobe-level = "off"\ntime = 0.1\nlength = ["4K", "256K"]\n'
        '[[part]]\nzerocopy = true\npolicy = "drain-every"\n[[part]]\nzerocopy = false\n'
        "[plan]\nrepeats = 2\nwarm-up = 0\n",
    )
    result = zcprobe("campaign", plan)
    assert result.returncode == 0, result.stderr
    assert "goodput: zerocopy wins " in result.stdout
    assert "warning: every completion was copied" in result.stdout  # on a veth pair
    folder = folder_of(tmp_path)
    found = msgspec.json.decode((folder / "crossover.json").read_bytes())
    both = {"goodput_bps", "cpu_s_per_gb", "send_p50_ns", "send_p99_ns"}
    assert {point["quantity"] for point in found["crossovers"]} == both
    assert found["copied_share"] == 1
    runs = load_runs(folder)
    for row in found["sizes"]:
        if row["quantity"] == "goodput_bps":
            own = [
                run.sender.goodput_bps
                for run in runs
                if run.send_bytes == row["send_bytes"] and run.meta.config.zerocopy
            ]
            assert (row["zerocopy_run_count"], row["zerocopy"]) == (2, sum(own) / 2)
    assert {row["send_bytes"] for row in found["sizes"] if row["quantity"] == "completion_p99_ns"} == {4096, 262144}
    assert (folder / "crossover.png").read_bytes().startswith(b"\x89PNG")
    assert b"</svg>" in (folder / "crossover.svg").read_bytes()

    again = zcprobe("campaign", str(folder), "--resume", "-J")
    assert again.returncode == 0, again.stderr
    assert msgspec.json.decode(again.stdout)["crossover"] == found


def test_killed_at_ten_random_moments_it_ends_with_the_same_runs(
    start_zcprobe: Start, zcprobe: Command, tmp_path: Path
) -> None:
    """By SIGKILL, most of them within a run; what the last kill left is gone when the next sitting has begun."""
    plan = write_plan(tmp_path, SMALL + "channels = [1, 2]\n[plan]\nrepeats = 8\nwarm-up = 0\n")
    choice, kills = random.Random(1009), 0
    while kills < KILLS:
        process = start_zcprobe("campaign", plan, "--resume")
        try:
            process.wait(0.5 + choice.random() * 2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.communicate()
        if process.returncode == 0:
            break
    assert kills >= KILLS // 2, "the campaign was over before it was killed"
    left = msgspec.json.decode(zcprobe("campaign", plan, "--resume", "--dry-run", "-J").stdout)
    result = zcprobe("campaign", plan, "--resume")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(" left: ") in (16 - left["made"], 16 - left["made"] - 1)  # one may have been whole
    campaign = require_whole(folder_of(tmp_path), 8)
    assert (campaign.ended, campaign.pending, len(campaign.points)) == ("complete", None, 2)
    last = zcprobe("campaign", str(folder_of(tmp_path)), "--resume", "-J")
    assert (last.returncode, last.stderr) == (0, "")
    assert sum(len(point["runs"]) for point in msgspec.json.decode(last.stdout)["points"]) == 16


def test_a_signal_keeps_the_run_in_progress_and_says_how_to_go_on(
    start_zcprobe: Start, zcprobe: Command, tmp_path: Path
) -> None:
    plan = write_plan(tmp_path, 'scenario = "in-order"\nprobe-level = "off"\ntime = 1\n[plan]\nrepeats = 4\n')
    process = start_zcprobe("campaign", plan)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "results").glob("2*/2*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    folder = folder_of(tmp_path)
    assert f"zcprobe campaign {folder.relative_to(tmp_path)} --resume goes on" in err
    runs = [run for point in read_campaign(folder).points for run in point.runs]
    assert 1 <= len(runs) < 4
    assert {run.folder for run in runs} == {path.name for path in folder.iterdir() if path.is_dir()}
    result = zcprobe("campaign", str(folder), "--resume")
    assert result.returncode == 0, result.stderr
    assert [block for _, block in made(read_campaign(folder))] == [1, 2, 3, 4]


def test_a_run_that_fails_does_not_end_the_campaign(zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, SMALL + '[[part]]\n[[part]]\nnics = "zc-none-a,zc-none-b"\n[plan]\nrepeats = 2\n')
    result = zcprobe("campaign", plan)
    assert result.returncode == 1
    what, to_do = result.stderr.splitlines()[-2:]
    assert "2 runs failed, the first because" in what
    assert "zc-none-a" in what
    assert CAMPAIGN_FILE in to_do
    campaign = read_campaign(folder_of(tmp_path))
    assert campaign.ended == "complete"
    good, bad = campaign.points
    assert [(run.outcome, run.is_counted) for run in good.runs] == [("completed", True)] * 2
    assert [(run.outcome, run.is_counted, run.folder) for run in bad.runs] == [("failed", False, None)] * 2


def test_it_goes_on_for_precision_until_its_budget_is_spent(zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, SMALL + '[plan]\nrepeats = 2\nprecision = "0.0001 %"\nbudget = "9s"\nwarm-up = 0\n')
    result = zcprobe("campaign", plan)
    assert result.returncode == 0, result.stderr
    assert "the plan's budget is spent" in result.stdout
    campaign = read_campaign(folder_of(tmp_path))
    assert campaign.ended == "budget"
    assert len(made(campaign)) > 2
    assert campaign.spent_s < 30


def test_all_that_it_makes_belongs_to_the_user_behind_sudo(zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, SMALL + "[plan]\nrepeats = 1\n")
    os.chown(tmp_path, 65534, 65534)
    sudo = {"SUDO_UID": "65534", "SUDO_GID": "65534"}
    assert zcprobe("campaign", plan, **sudo).returncode == 0
    write_plan(tmp_path, SMALL + "[plan]\nrepeats = 2\n")
    result = zcprobe("campaign", plan, "--resume", **sudo)
    assert result.returncode == 0, result.stderr
    folder = folder_of(tmp_path)
    require_whole(folder, 2)
    assert {path.stat().st_uid for path in [folder, *folder.rglob("*")]} == {65534}


def test_only_one_command_fills_a_campaign(start_zcprobe: Start, zcprobe: Command, tmp_path: Path) -> None:
    plan = write_plan(tmp_path, SMALL + "[plan]\nrepeats = 1000\n")
    process = start_zcprobe("campaign", plan)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "results").glob("2*/2*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    result = zcprobe("campaign", plan, "--resume")
    assert result.returncode == 2
    assert "another zcprobe campaign is at work in" in result.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
