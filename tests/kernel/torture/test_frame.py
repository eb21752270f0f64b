# SPDX-License-Identifier: GPL-2.0-only
"""The frame of `make torture`, on attacks made for it."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.torture import __main__ as torture
from tests.torture.kinds import find_kinds

ROOT = Path(__file__).parents[3]


def write_kind(folder: Path, name: str, body: str, first: str = '"""Attacks nothing."""') -> None:
    text = textwrap.dedent(body)
    (folder / f"{name}.py").write_text(f"{first}\nimport os, subprocess, time\nSHORT = 2\nLONG = 3\n{text}")


def read_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_an_attack_that_finds_nothing_is_a_line_and_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_kind(tmp_path, "calm", "def attack(rounds, seed):\n    assert (rounds, seed) == (2, 7)\n    return []")
    assert torture.main(["--short", "--seed", "7"], tmp_path) == 0
    first, line = read_lines(capsys)
    assert first == "seed 7"
    assert line.split()[0] == "calm"
    assert line.endswith("2 rounds  seed 7  nothing found")


@pytest.mark.parametrize(
    ("body", "finding"),
    [
        ("def attack(rounds, seed):\n    return [f'{rounds} rounds']", "3 rounds"),
        (
            "def attack(rounds, seed):\n    raise ValueError('oh')",
            "the attack itself ended with code 1: ValueError: oh",
        ),
        ("def attack(rounds, seed):\n    os.kill(os.getpid(), 9)", "the attack itself ended with code"),
        (
            "def attack(rounds, seed):\n    subprocess.Popen(['sleep', '61'], start_new_session=True)\n    return []",
            "a process was left running: sleep 61",
        ),
    ],
)
def test_what_an_attack_finds_or_does_is_told(
    body: str, finding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_kind(tmp_path, "rough", body)
    assert torture.main([], tmp_path) == 1
    assert any(line.strip().startswith(finding) for line in read_lines(capsys))
    assert subprocess.run(["pgrep", "-f", "sleep 61"], capture_output=True, check=False).stdout == b""


def test_one_that_hangs_ends_with_all_that_it_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torture, "_SHORT_S", 2.0)
    hang = "def attack(rounds, seed):\n    subprocess.Popen(['setsid', 'sleep', '62'])\n    time.sleep(63)"
    write_kind(tmp_path, "hangs", hang)
    began_s = time.monotonic()
    assert torture.main(["--short"], tmp_path) == 1
    assert time.monotonic() - began_s < 10
    assert "did not end within 2 s" in "\n".join(read_lines(capsys))
    assert subprocess.run(["pgrep", "-f", "sleep 62"], capture_output=True, check=False).stdout == b""


def test_an_interrupted_one_leaves_neither_process_nor_folder(tmp_path: Path) -> None:
    write_kind(tmp_path, "hangs", "def attack(rounds, seed):\n    subprocess.run(['sleep', '64'])")
    imports = "import sys; from pathlib import Path; from tests.torture.__main__ import main"
    script = f"{imports}; sys.exit(main([], Path(sys.argv[1])))"
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, env=environment) as process:
        while not subprocess.run(["pgrep", "-f", "sleep 64"], capture_output=True, check=False).stdout:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 1
    assert subprocess.run(["pgrep", "-f", "sleep 64"], capture_output=True, check=False).stdout == b""
    assert [path.name for path in tmp_path.iterdir()] == ["hangs.py"]


def test_a_file_that_is_no_attack_is_an_error(tmp_path: Path) -> None:
    write_kind(tmp_path, "_shared", "X = 1")
    assert find_kinds(tmp_path) == []
    write_kind(tmp_path, "forgotten", "def assault(rounds, seed):\n    return []")
    with pytest.raises(ValueError, match="forgotten"):
        find_kinds(tmp_path)


def test_an_unknown_kind_and_a_user_without_root_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_kind(tmp_path, "calm", "def attack(rounds, seed):\n    return []")
    assert torture.main(["--only", "storm"], tmp_path) == 2
    assert capsys.readouterr().err == "torture: there is no attack called storm\n  choose from: calm\n"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert torture.main([], tmp_path) == 3
    assert len(capsys.readouterr().err.splitlines()) == 2
