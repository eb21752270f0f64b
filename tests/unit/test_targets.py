"""No test is left out: each file of them belongs to what `make test` or `make test-kernels` runs."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.guests import matrix

ROOT = Path(__file__).parents[2]


def test_every_file_of_tests_is_run_by_a_target(pytestconfig: pytest.Config) -> None:
    of_guests = [item.partition("::")[0] for item in matrix.TESTS]
    run = [*map(Path, pytestconfig.getini("testpaths")), *map(Path, of_guests)]
    assert [str(path) for path in run if not (ROOT / path).exists()] == []
    files = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py") if path.name.startswith("test_")}
    assert len(files) > 100
    assert {str(file) for file in files if not any(file.is_relative_to(path) for path in run)} == set()


@pytest.mark.parametrize(
    ("target", "command"), [("test", ".venv/bin/pytest "), ("test-kernels", ".venv/bin/python -m tests.guests.matrix ")]
)
def test_the_targets_run_all_that_is_configured(target: str, command: str) -> None:
    """They name no file of their own."""
    # what this run's own make was given is not asked for
    given = ("MAKE", "MFLAGS", "ARGS", "KERNEL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    result = subprocess.run(["make", "-n", target], cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert command in result.stdout.splitlines()
