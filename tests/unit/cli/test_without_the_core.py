# SPDX-License-Identifier: GPL-2.0-only
"""A zcprobe whose C core was never built, or for another Python: the sources without it, in a folder of their own."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[3]
RUN = next((ROOT / "tests" / "data" / "version_1" / "in-order").glob("*/run.json")).parent

Answer = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("without")
    shutil.copytree(ROOT / "zcprobe", folder / "zcprobe", ignore=shutil.ignore_patterns("_core*", "__pycache__"))
    return folder


@pytest.fixture
def zcprobe(tree: Path) -> Callable[..., Answer]:
    def run(*words: str) -> Answer:
        command = [sys.executable, "-m", "zcprobe", *words]
        return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize("words", [("-h",), ("--version",), ("run", "-h"), ("policies",), ("policies", "-J")])
def test_what_needs_no_core_works(words: tuple[str, ...], zcprobe: Callable[..., Answer]) -> None:
    result = zcprobe(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout


def test_scenarios_are_listed_and_none_can_be_run(zcprobe: Callable[..., Answer]) -> None:
    result = zcprobe("scenarios", "-J")
    assert (result.returncode, result.stderr) == (0, "")
    rows = msgspec.json.decode(result.stdout)["scenarios"]
    assert len(rows) > 5
    assert all("compiled core" in row["refusal"] and "pip install" in row["hint"] for row in rows)


@pytest.mark.parametrize(
    ("words", "start"),
    [(("report", "-o", "-"), "<!DOCTYPE html>"), (("plot", "-o", "-"), "<?xml"), (("export",), RUN.name)],
)
def test_what_reads_run_folders_needs_none_either(
    words: tuple[str, ...], start: str, zcprobe: Callable[..., Answer]
) -> None:
    result = zcprobe(*words, str(RUN))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(start)


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("compare",),
        ("campaign", "/dev/null"),
        ("probes",),
        ("overhead",),
        ("sink",),
    ],
)
def test_the_rest_says_in_two_lines_what_is_missing_and_how_to_build_it(
    words: tuple[str, ...], zcprobe: Callable[..., Answer]
) -> None:
    result = zcprobe(*words)
    assert (result.returncode, result.stdout) == (3, "")
    what, hint = result.stderr.splitlines()
    assert what.startswith(f"zcprobe: zcprobe's compiled core cannot be loaded by {sys.executable}: ")
    assert "_core" in what
    assert f"{sys.executable} -m pip install" in hint  # this is not a checkout, so make is not offered


def test_in_a_checkout_make_builds_it(tree: Path, zcprobe: Callable[..., Answer]) -> None:
    (tree / "tools").mkdir()
    (tree / "tools" / "setup.sh").touch()
    try:
        result = zcprobe("sink")
    finally:
        shutil.rmtree(tree / "tools")
    assert f"make -C {tree} setup" in result.stderr.splitlines()[1]


def test_doctor_names_the_core_among_what_else_it_finds(zcprobe: Callable[..., Answer]) -> None:
    result = zcprobe("doctor", "-J")
    assert (result.returncode, result.stderr) == (3, "")
    checks = {check["name"]: check for check in msgspec.json.decode(result.stdout)["checks"]}
    assert checks["core"]["status"] == "missing"
    assert "pip install" in checks["core"]["hint"]
    assert checks["kernel"]["status"] == "ok"
    assert checks["SO_ZEROCOPY"]["status"] == "ok"
