# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe answer`: the numbers of a campaign's answers, computed anew from its run folders."""

import shutil
from pathlib import Path

import msgspec
import pytest

from zcprobe.cli.main import main

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "answered"


def test_every_number_is_that_of_the_campaign(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """From a copy without what the campaign wrote: nothing but the runs can tell."""
    shutil.copytree(KEPT, tmp_path / "answered", ignore=shutil.ignore_patterns("questions.*", "index.parquet"))
    assert main(["answer", str(tmp_path / "answered"), "-J"]) == 0
    found = msgspec.json.decode(capsysbinary.readouterr().out)
    kept = msgspec.json.decode((KEPT / "questions.json").read_bytes())
    assert [one["id"] for one in found] == ["Q1", "Q6", "Q9", "Q12"]
    assert [one["answered"] for one in found] == [True, True, False, True]  # these runs were made under load
    assert sum(len(one["numbers"]) for one in found) > 15
    name = kept[0]["command"].split()[2]  # the campaign's folder was renamed when it was kept
    for ours, theirs in zip(found, kept, strict=True):
        assert ours | {"command": ours["command"].replace("answered", name)} == theirs


def test_a_number_follows_the_runs(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """A campaign with one run less has another number."""
    shutil.copytree(KEPT, tmp_path / "answered")
    victim = next((tmp_path / "answered").glob("*-held-completions-qemu-pre-*"))
    shutil.rmtree(victim)
    assert main(["answer", str(tmp_path / "answered"), "Q1"]) != 0
    assert victim.name in capsysbinary.readouterr().err.decode()


def test_text_is_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", str(KEPT), "q12", "Q1"]) == 0
    out = capsys.readouterr().out
    assert out.index("Q12  Can ENOBUFS") < out.index("Q1  How is")
    assert "5 of 5 runs [57 % to 100 %]" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_files_are_written_where_they_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", str(KEPT), "Q1", "-o", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["questions.html", "questions.json"]
    assert [one["id"] for one in msgspec.json.decode((tmp_path / "questions.json").read_bytes())] == ["Q1"]
    assert capsys.readouterr().out.startswith("Q1  ")


def test_a_campaign_that_asked_nothing_is_asked_what_it_has_runs_for(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    from zcprobe.dataset.campaign import read_campaign
    from zcprobe.seal import sealed

    shutil.copytree(KEPT, tmp_path / "answered")
    campaign = read_campaign(KEPT)
    campaign.plan = {}
    (tmp_path / "answered" / "campaign.json").write_bytes(sealed(campaign))
    assert main(["answer", str(tmp_path / "answered"), "-J"]) == 0
    found = msgspec.json.decode(capsysbinary.readouterr().out)
    assert [one["id"] for one in found] == ["Q1", "Q2", "Q6", "Q9", "Q12"]
    assert "only counts recorded" in found[1]["answer"]


@pytest.mark.parametrize(
    ("words", "needle", "hint"),
    [
        ((str(KEPT), "Q15"), "there is no question 'Q15'", "Q1, Q2"),
        ((str(KEPT.parent / "held-completions"),), "is not the folder of a campaign", "zcprobe campaign"),
        (("/none/such", "Q1"), "/none/such", "campaign"),
        ((str(KEPT), "Q1", "-o", "/none/such"), "/none/such", "-o"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_two_lines(
    words: tuple[str, ...], needle: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["answer", *words]) != 0
    what, to_do = capsys.readouterr().err.splitlines()
    assert needle in what
    assert hint in to_do
