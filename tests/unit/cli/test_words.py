# SPDX-License-Identifier: GPL-2.0-only
"""Command lines of random words, some hundreds of what `make torture` tries."""

import pytest

from tests.torture import words
from zcprobe.cli.main import main


def test_no_command_line_has_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_ONE_PROCESS_IN", 10**9)
    assert words.attack(300, 1009) == []


@pytest.mark.parametrize(
    "line", [("run", "--guest=--"), ("run", "-t--"), ("compare", "--nics=--"), ("run", "--set=--")]
)
def test_two_dashes_are_no_value(line: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        main(line)
    assert ending.value.code == 2
    assert "expected one argument, which cannot be --" in capsys.readouterr().err
