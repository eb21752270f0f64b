# SPDX-License-Identifier: GPL-2.0-only
"""Baselines of `zcprobe compare`: what is kept, what counts as a regression, and what CI reads."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from zcprobe.dataset.baseline import load_baseline
from zcprobe.seal import sealed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]

WORDS = ("compare", "--scenario", "in-order", "--policies", "qemu-merged", "--repeats", "8", "--probes", "none")
QUICK = (*WORDS, "--overhead", "0", "--no-report", "--no-record", "-t", "0.06")


def faster(path: Path, factor: float, point: str = "qemu-merged") -> None:
    """Rewrites a point of the baseline as that of a machine so much faster."""
    content = msgspec.json.decode(path.read_bytes())
    del content["sha256"]
    values = content["points"][point]["values"]
    values["goodput_bps"] = [value * factor for value in values["goodput_bps"]]
    path.write_bytes(sealed(content))


def test_a_baseline_is_kept_compared_with_and_regressed_from(zcprobe: Command, tmp_path: Path) -> None:
    saved = zcprobe(*QUICK, "--save-baseline", "main", "-J")
    assert saved.returncode == 0, saved.stderr
    baseline = load_baseline(tmp_path / "results", "main")
    folder = Path(msgspec.json.decode(saved.stdout)["folder"])
    assert baseline.folder == folder.name
    assert len(baseline.points["qemu-merged"].values["goodput_bps"]) == 8

    faster(tmp_path / "results" / "baseline-main.json", 10)
    words = ("--baseline", "main", "--smallest-effect", "20%", "--junit", "claims.xml", "-J")
    result = zcprobe(*QUICK, *words, "--fail-on-regression")
    assert result.returncode == 1, result.stderr
    assert "worse than baseline main: goodput_bps of qemu-merged" in result.stderr
    verdicts = msgspec.json.decode(result.stdout)["judgement"]["verdicts"]
    (goodput,) = (claim for claim in verdicts if claim["quantity"] == "goodput_bps")
    assert (goodput["shown"], goodput["better"]) == (True, False)
    assert goodput["effect"] < -0.5
    suite = ET.parse(tmp_path / "claims.xml").getroot()[0]
    worse = [claim for claim in verdicts if claim["shown"] and claim["better"] is False]
    assert suite.attrib["failures"] == str(len(worse))
    assert int(suite.attrib["tests"]) == len(verdicts) + 1

    text = zcprobe(*QUICK, "--baseline", "main")
    assert text.returncode == 0, text.stderr
    assert "Worse than baseline main: goodput_bps of qemu-merged." in text.stdout


def test_a_baseline_of_other_options_is_refused_after_the_runs_were_kept(zcprobe: Command, tmp_path: Path) -> None:
    assert zcprobe(*QUICK, "--save-baseline", "main").returncode == 0
    result = zcprobe(*QUICK, "-l", "4K", "--baseline", "main")
    assert result.returncode == 2
    assert "were made in another way" in result.stderr
    assert len(list((tmp_path / "results").glob("*-compare-*"))) == 2


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (("--baseline", "none-such"), "there is no baseline none-such"),
        (("--fail-on-regression",), "needs something to compare with"),
        (("--save-baseline", "../main"), "cannot name a baseline"),
        (("--smallest-effect", "101"), "--smallest-effect takes a percentage"),
        (("--junit", "-"), "--junit needs a file"),
    ],
)
def test_wrong_options_are_refused_before_a_run_is_made(
    zcprobe: Command, tmp_path: Path, words: tuple[str, ...], needle: str
) -> None:
    result = zcprobe(*QUICK, *words)
    assert result.returncode == 2
    assert needle in result.stderr
    assert not (tmp_path / "results").exists()


def test_too_few_runs_cannot_show_that_nothing_regressed(zcprobe: Command) -> None:
    few = [*QUICK[: QUICK.index("--repeats")], "--repeats", "2", *QUICK[QUICK.index("--repeats") + 2 :]]
    assert zcprobe(*few, "--save-baseline", "main").returncode == 0
    result = zcprobe(*few, "--baseline", "main", "--fail-on-regression")
    assert result.returncode == 4, result.stderr
    assert "nobody can tell whether anything is worse than baseline main" in result.stderr


# so large an effect because the machine may be busier when the second campaign is made
PLAN = """
scenario = "in-order"
probe-level = "off"
no-record = true
time = "0.06"
length = ["16K", "64K"]
[plan]
name = "sizes"
repeats = 6
smallest-effect = "80 %"
"""


def test_the_points_of_a_campaign_are_compared_with_a_baseline(zcprobe: Command, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    saved = zcprobe("campaign", "plan.toml", "--save-baseline", "main")
    assert saved.returncode == 0, saved.stderr
    path = tmp_path / "results" / "baseline-main.json"
    assert list(load_baseline(tmp_path / "results", "main").points) == ["length 16K", "length 64K"]

    faster(path, 10, "length 64K")
    (tmp_path / "plan.toml").write_text(f'{PLAN}baseline = "main"\n')
    result = zcprobe("campaign", "plan.toml", "--fail-on-regression", "--junit", "claims.xml", "-J")
    assert result.returncode == 1, result.stderr
    assert "worse than baseline main: goodput_bps of length 64K" in result.stderr
    judgement = msgspec.json.decode(result.stdout)["judgement"]
    assert {claim["candidate"] for claim in judgement["verdicts"]} == {"length 16K", "length 64K"}
    suite = ET.parse(tmp_path / "claims.xml").getroot()[0]
    assert (suite.attrib["name"], suite.attrib["failures"]) == ("zcprobe.sizes", "1")

    (tmp_path / "plan.toml").write_text(PLAN.replace("16K", "32K"))
    result = zcprobe("campaign", "plan.toml", "--baseline", "main")
    assert result.returncode == 2
    assert "the baseline main has no runs of length 32K" in result.stderr
