# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe compare`, the main job: with and without the fix on the same traffic."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.analysis.comparisons import claims_of
from zcprobe.analysis.validity import stamp_of
from zcprobe.cli.main import main
from zcprobe.dataset.campaign import read_campaign
from zcprobe.dataset.load import load_comparison, load_run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]

POLICIES = ["qemu-pre", "qemu-shipped", "qemu-merged"]


def test_the_three_policies_in_flight(zcprobe: Command, tmp_path: Path) -> None:
    result = zcprobe(
        "compare", "--overhead", "0", "--scenario", "in-flight", "--repeats", "2", "--seed", "1", "-n", "1009", "-J"
    )
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    (line,) = result.stdout.splitlines()
    content = msgspec.json.decode(line)
    folder = tmp_path / content.pop("folder")
    assert list((tmp_path / "results").iterdir()) == [folder]
    assert content == msgspec.json.decode((folder / "comparison.json").read_bytes())
    assert (folder / "report.html").stat().st_size > 0
    assert list((folder / "figures").iterdir())

    assert list(content["policies"]) == POLICIES
    outcomes = {policy: values["outcomes"] for policy, values in content["policies"].items()}
    assert outcomes == {
        "qemu-pre": {"dead_enobufs": 2},
        "qemu-shipped": {"dead_enobufs": 2},
        "qemu-merged": {"completed": 2},
    }
    assert [set(entry) for entry in content["runs"]] == [
        {"folder", "sha256", "policy", "repeat", "outcome", "complete", "warnings"}
    ] * 6
    assert all(entry["complete"] for entry in content["runs"])
    # each repeat has every policy once
    for repeat in (1, 2):
        assert sorted(e["policy"] for e in content["runs"] if e["repeat"] == repeat) == sorted(POLICIES)

    comparison = load_comparison(folder)
    assert [run.folder.name for run in comparison.runs] == [entry["folder"] for entry in content["runs"]]
    for policy in POLICIES:
        sends = [run.sender.sends for run in comparison.runs_of(policy)]
        assert content["policies"][policy]["medians"]["sends"]["median"] == sum(sends) / 2
    # after a sentence for each policy; warnings of the runs may follow
    assert "qemu-merged completed every run" in content["verdict"][len(POLICIES)]
    assert content["verdicts"] == msgspec.to_builtins(claims_of(comparison))
    # two runs of each cannot show any difference, however large
    assert {claim["why"] for claim in content["verdicts"] if not claim["is_constant"]} == {
        f"2 runs are too few for {sum(not claim['is_constant'] for claim in content['verdicts'])} comparisons at once"
    }
    assert content["stamp"] == msgspec.to_builtins(stamp_of(comparison.runs))
    assert content["noise"]["completed_share"] == 0


def test_text_has_a_table_and_a_verdict(zcprobe: Command, tmp_path: Path) -> None:
    result = zcprobe(
        "compare",
        "--overhead",
        "0",
        "--scenario",
        "in-order",
        "--repeats",
        "1",
        "--policies",
        "qemu-pre,qemu-merged",
        "-n",
        "23",
    )
    assert result.returncode == 0, result.stderr
    for word in ("qemu-pre", "qemu-merged", "1 completed", "this scenario does not show the failure", "report.html"):
        assert word in result.stdout
    (folder,) = (tmp_path / "results").iterdir()
    assert str(folder.relative_to(tmp_path)) in result.stdout


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("--repeats", "0"), "--repeats"),
        (("--policies", "qemu-pre,none-such"), "none-such"),
        (("--policies", ""), "known policies"),
        (("--policies", "qemu-pre,qemu-pre"), "twice"),
        (("--scenario", "none-such"), "held-completions"),
        (("-l", "0"), "-l"),
    ],
)
def test_bad_values_are_refused_at_once(
    words: tuple[str, ...],
    needle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 2
    out, err = capsys.readouterr()
    what, to_do = err.splitlines()
    assert (out, what[:9]) == ("", "zcprobe: ")
    assert needle in what + to_do
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_comparison_keeps_the_runs_it_has(start_zcprobe: Start, tmp_path: Path) -> None:
    process = start_zcprobe("compare", "--overhead", "0", "--scenario", "in-order", "--repeats", "9", "-t", "1")
    deadline = time.monotonic() + 20
    while not list((tmp_path / "results").glob("2*/2*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    assert process.returncode == -signal.SIGINT, err
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name in out
    comparison = load_comparison(folder)
    assert 1 <= len(comparison.runs) < comparison.meta.planned_runs == 27
    assert all(run.meta.complete for run in comparison.runs)


def test_without_a_report_the_runs_and_the_table_are_the_same(zcprobe: Command, tmp_path: Path) -> None:
    words = ("compare", "--scenario", "in-order", "--repeats", "1", "--policies", "qemu-pre,qemu-merged", "-n", "23")
    result = zcprobe(*words, "--no-report", "--probes", "none")
    assert result.returncode == 0, result.stderr
    (folder,) = (tmp_path / "results").iterdir()
    assert f"folder  {folder.relative_to(tmp_path)}" in result.stdout
    assert "report.html" not in result.stdout
    assert {path.name for path in folder.iterdir() if path.is_file()} == {"comparison.json"}
    assert [run.sender.sends for run in load_comparison(folder).runs] == [23, 23]


def test_another_option_than_the_policy_is_compared_in_a_campaign_of_its_own(zcprobe: Command, tmp_path: Path) -> None:
    words = ("compare", "--compare", "zerocopy=on,off", "--scenario", "in-order", "--repeats", "2", "-n", "23")
    result = zcprobe(*words, "--probes", "none", "--seed", "5")
    assert result.returncode == 0, result.stderr
    (folder,) = (tmp_path / "results").iterdir()
    campaign = read_campaign(folder)
    assert (campaign.ended, campaign.seed) == ("complete", 5)
    assert [point.axes for point in campaign.points] == [{"zerocopy": "on"}, {"zerocopy": "off"}]
    found = {
        point.axes["zerocopy"]: [load_run(folder / str(run.folder)) for run in point.runs] for point in campaign.points
    }
    assert [run.sender.notifications > 0 for run in found["on"] + found["off"]] == [True, True, False, False]
    for word in ("zerocopy", "on", "off", "2 of 2", str(folder.relative_to(tmp_path))):
        assert word in result.stdout
