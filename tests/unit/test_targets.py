# SPDX-License-Identifier: GPL-2.0-only
"""No test is left out: `make test` or `make test-kernels` runs it. `make check` runs the quick ones."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import MARKER_OF
from tests.guests import matrix
from tests.guests.kernels import KERNELS

ROOT = Path(__file__).parents[2]


def test_every_file_of_tests_is_run_by_a_target(pytestconfig: pytest.Config) -> None:
    assert set(matrix.ONCE) <= {kernel.name for kernel in KERNELS}
    of_guests = [item.partition("::")[0] for item in (*matrix.TESTS, *matrix.LAST, *sum(matrix.ONCE.values(), ()))]
    of_senders = [folder for selection in selections("test-senders") for folder in selection]
    run = [Path(path) for path in (*pytestconfig.getini("testpaths"), *of_guests, *of_senders)]
    assert [str(path) for path in run if not (ROOT / path).exists()] == []
    files = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py") if path.name.startswith("test_")}
    assert len(files) > 100
    assert {str(file) for file in files if not any(file.is_relative_to(path) for path in run)} == set()


def test_every_test_of_the_guests_runs_on_a_kernel() -> None:
    chosen = {*matrix.TESTS, *matrix.LAST, *sum(matrix.ONCE.values(), ())}
    files = sorted((ROOT / "tests/guests/inside").glob("test_*.py"))
    tests = [
        (str(file.relative_to(ROOT)), name)
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    ]
    assert len(tests) > 10
    assert [f"{file}::{name}" for file, name in tests if not chosen & {file, f"{file}::{name}"}] == []


def clean() -> dict[str, str]:
    """The environment, without what the current make was given."""
    given = ("MAKE", "MFLAGS", "ARGS", "KERNEL")
    return {name: value for name, value in os.environ.items() if not name.startswith(given)}


def commands_of(target: str) -> str:
    """The commands that make would run without arguments."""
    result = subprocess.run(["make", "-n", target], cwd=ROOT, env=clean(), capture_output=True, text=True, check=True)
    return result.stdout


@pytest.mark.parametrize("failing", ["tests/unit", "-m beside", "-m not beside", "nothing"])
def test_make_test_runs_every_part_and_fails_when_any_does(failing: str, tmp_path: Path) -> None:
    """The Makefile itself, with programs that only say what they were called with, and of which one fails."""
    said = f'#!/bin/sh\necho "called: $*"\ncase "$*" in *"{failing}"*) exit 1; esac\n'
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "tools").mkdir()
    for name, text in (("pytest", said), ("tools/setup.sh", "#!/bin/sh\n"), ("tools/browser.sh", "#!/bin/sh\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    command = ["make", "test", "VENV=."]
    result = subprocess.run(command, cwd=tmp_path, env=clean(), capture_output=True, text=True, check=False)
    assert result.stdout.count("called: ") == 3
    assert (result.returncode == 0) == (failing == "nothing")


def test_the_guests_are_given_no_file_of_their_own() -> None:
    assert ".venv/bin/python -m tests.guests.matrix " in commands_of("test-kernels").splitlines()


def test_what_a_marker_is_given_to_is_there() -> None:
    assert [place for place in MARKER_OF if not (ROOT / "tests" / place).exists()] == []


def selections(target: str) -> list[list[str]]:
    """Folders and markers of each pytest that a target calls."""
    calls = re.findall(r"\S*/pytest ([^|;\n]*)", commands_of(target).replace("\\\n", " "))
    how = re.compile(r"-q |-n \S+ |--dist \S+ |--no-loadscope-reorder |>.*")
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
