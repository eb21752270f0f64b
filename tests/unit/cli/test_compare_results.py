# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe compare BEFORE AFTER`, which needs no root."""

import shutil
from pathlib import Path

import msgspec
import pytest

from zcprobe.cli.main import main

KEPT = Path(__file__).parents[2] / "data" / "version_3"
BEFORE, AFTER = str(KEPT / "held-completions"), str(KEPT / "no-probes")


def test_text_begins_with_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", BEFORE, AFTER]) == 0
    out = capsys.readouterr().out
    assert out.startswith("15 runs before and 6 after differ in: ")
    assert "held-completions or in-flight" in out.splitlines()[0]
    for word in ("noise", "qemu-merged after", "comparisons show a difference", "before: ", "after: "):
        assert word in out


def test_policies_that_one_side_lacks_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kept in (KEPT / "no-probes").glob("*-qemu-merged-*"):
        shutil.copytree(kept, tmp_path / kept.name)
    assert main(["compare", BEFORE, str(tmp_path)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("Not compared"))
    assert "qemu-pre before" in line
    assert "qemu-shipped before" in line
    assert "merged" not in line


def test_json_has_the_claims(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["compare", BEFORE, AFTER, "-J", "--smallest-effect", "20"]) == 0
    content = msgspec.json.decode(capsysbinary.readouterr().out)
    assert (content["before"], content["after"]) == (BEFORE, AFTER)
    assert {claim["smallest_effect"] for claim in content["verdicts"]} == {0.2}
    assert set(content["stamps"]) == {"before", "after"}


@pytest.mark.parametrize(
    ("words", "needle", "hint"),
    [
        ((BEFORE,), "not 1", "before"),
        ((BEFORE, AFTER, AFTER), "not 3", "before"),
        ((BEFORE, AFTER, "--repeats", "3"), "--repeats is about runs to be made", "leave it out"),
        ((BEFORE, AFTER, "--compare", "nagle=on,off"), "--compare is about runs to be made", "leave it out"),
        ((BEFORE, AFTER, "--baseline", "x"), "--baseline is about runs to be made", "leave it out"),
        ((BEFORE, str(KEPT / "attachments")), "has attachments", "our own sender"),
        ((BEFORE, "/none/such"), "/none/such", ""),
    ],
)
def test_what_cannot_be_compared_is_refused_in_two_lines(
    words: tuple[str, ...], needle: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *words]) == 2
    what, to_do = capsys.readouterr().err.splitlines()
    assert needle in what
    assert hint in to_do
