# SPDX-License-Identifier: GPL-2.0-only
"""Reading run folders needs no compiled core, no kernel and no lab: a process without any of these does it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERSIONS = sorted((ROOT / "tests" / "data").glob("version_*"))

PACKAGES = ["_cffi_backend", "cffi", "bcc", "pyroute2"]
WITHOUT = [f"zcprobe.{name}" for name in ("native", "host", "lab", "sender", "sink", "probes", "recorder")]
READING = [f"zcprobe.{name}" for name in ("format", "dataset", "analysis", "plots", "report", "export")]

READ = """
import sys
from importlib import import_module
from pkgutil import walk_packages

without, reading, run, figure = sys.argv[1].split(), sys.argv[2].split(), *sys.argv[3:]
sys.modules.update(dict.fromkeys(without))  # None: each import fails

for package in map(import_module, reading):
    for module in walk_packages(package.__path__, f"{package.__name__}."):
        import_module(module.name)

import zcprobe
from zcprobe.analysis import df_enobufs
from zcprobe.export.summary import summary_line
from zcprobe.plots import draw_overview

loaded = zcprobe.load(run)
print(loaded.format_version, len(loaded.kernel_events), len(df_enobufs(loaded)))
print(summary_line(loaded))
draw_overview(loaded).savefig(figure)
"""


def _one_of(version: Path) -> Path:
    return next(version.glob("held-completions/*-qemu-pre-*"))


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_runs_of_each_version_are_read_without_what_writes_them(version: Path, tmp_path: Path) -> None:
    run, figure = _one_of(version), tmp_path / "figure.svg"
    command = [sys.executable, "-c", READ, " ".join([*WITHOUT, *PACKAGES]), " ".join(READING), str(run), str(figure)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    numbers, summary = result.stdout.splitlines()
    found, events, refused = map(int, numbers.split())
    assert f"version_{found}" == version.name
    assert events >= refused > 0
    assert summary.startswith(f"{run.name}: ")
    assert "<svg" in figure.read_text()


RUN_COMMAND = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop(1).split()))
from zcprobe.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("report", "-o", "-"), "<!DOCTYPE html>"),
        (("plot", "-o", "-"), "<?xml"),
        (("export", "--format", "csv", "--table", "sends"), '"run","send_id"'),
        (("export", "--format", "trace"), '{"displayTimeUnit"'),
    ],
)
def test_the_commands_that_read_need_no_core_and_no_package_for_writing(words: tuple[str, ...], start: str) -> None:
    """The command itself also writes, so that only what a reader's machine lacks is kept from it."""
    without = " ".join(["zcprobe.native", *PACKAGES])
    command = [sys.executable, "-c", RUN_COMMAND, without, *words, str(_one_of(VERSIONS[-1]))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(start)


@pytest.mark.parametrize("name", WITHOUT)
def test_what_is_kept_away_is_there_otherwise(name: str) -> None:
    """A test that hides modules which no longer exist would always pass."""
    path = ROOT / name.replace(".", "/")
    assert path.is_dir() or path.with_suffix(".py").is_file()
