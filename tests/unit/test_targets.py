# SPDX-License-Identifier: GPL-2.0-only
"""No test is left out: `make test` or `make test-kernels` runs it. `make check` runs the quick ones."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.conftest import MARKER_OF
from tests.guests import matrix

ROOT = Path(__file__).parents[2]


def test_every_file_of_tests_is_run_by_a_target(pytestconfig: pytest.Config) -> None:
    of_guests = [item.partition("::")[0] for item in matrix.TESTS]
    of_senders = [folder for selection in selections("test-senders") for folder in selection]
    run = [Path(path) for path in (*pytestconfig.getini("testpaths"), *of_guests, *of_senders)]
    assert [str(path) for path in run if not (ROOT / path).exists()] == []
    files = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py") if path.name.startswith("test_")}
    assert len(files) > 100
    assert {str(file) for file in files if not any(file.is_relative_to(path) for path in run)} == set()


def commands_of(target: str) -> str:
    """The commands that make would run without arguments, whatever arguments the current make was given."""
    given = ("MAKE", "MFLAGS", "ARGS", "KERNEL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    result = subprocess.run(["make", "-n", target], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.parametrize("failing", range(3))
def test_make_test_fails_when_any_part_does(failing: int, tmp_path: Path) -> None:
    (command,) = (line for line in commands_of("test").replace("\\\n", "").splitlines() if "tests/unit" in line)
    parts = re.split(r"\S+/pytest", command)
    assert len(parts) == 4
    outcomes = ["false" if number == failing else "true" for number in range(3)]
    script = parts[0] + "".join(outcome + rest for outcome, rest in zip(outcomes, parts[1:], strict=True))
    assert subprocess.run(["sh", "-c", script], cwd=tmp_path, check=False).returncode == 1


def test_the_guests_are_given_no_file_of_their_own() -> None:
    assert ".venv/bin/python -m tests.guests.matrix " in commands_of("test-kernels").splitlines()


def test_what_a_marker_is_given_to_is_there() -> None:
    assert [place for place in MARKER_OF if not (ROOT / "tests" / place).exists()] == []


def selections(target: str) -> list[list[str]]:
    """Folders and markers of each pytest that a target calls."""
    calls = re.findall(r"\S*/pytest ([^|\n]*)", commands_of(target).replace("\\\n", " "))
    how = re.compile(r"-q |-n \S+ |--dist loadfile ")
    return [shlex.split(how.sub("", call)) for call in calls]


def test_make_test_runs_all_that_is_configured_once(pytestconfig: pytest.Config) -> None:
    """The folders are all that pytest is configured for; the one that is named twice is divided by one marker."""
    whole, *divided = selections("test")
    assert divided == [["-m", "beside", "tests/kernel"], ["-m", "not beside", "tests/kernel"]]
    assert sorted([*whole, "tests/kernel"]) == sorted(pytestconfig.getini("testpaths"))


def test_make_check_leaves_out_the_slow_tests_alone() -> None:
    ((marker, expression, *folders),) = selections("check")
    assert (marker, folders) == ("-m", ["tests/unit"])
    slow = re.fullmatch(r"not \((.+)\)", expression)
    assert slow is not None
    assert set(slow[1].split(" or ")) == {"bulk", "notebook", "picture", "command", "fuzz", "network"}


def test_the_senders_are_run_one_after_another_and_all_of_them() -> None:
    assert selections("test-senders") == [["tests/senders"]]


@pytest.mark.parametrize("target", ["test", "check", "test-senders"])
def test_the_folders_that_a_target_names_are_there(target: str) -> None:
    folders = [word for selection in selections(target) for word in selection if word.startswith("tests/")]
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
