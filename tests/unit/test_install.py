# SPDX-License-Identifier: GPL-2.0-only
"""`pip install .` into an environment of its own: without a compiler, and with one that fails.

What zcprobe depends on comes from the environment of the tests; zcprobe itself is installed from a copy of its sources.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
RUN = next((ROOT / "tests" / "data" / "version_2" / "held-completions").glob("*/run.json")).parent

PRINT_RUN = """
import sys, zcprobe
run = zcprobe.load(sys.argv[1])
print(zcprobe.__file__, run.sender.sends, len(run.sends))
"""

Answer = subprocess.CompletedProcess[str]
Command = Callable[..., Answer]


def _sources(folder: Path) -> Path:
    """What is under version control of the package, without anything that was built."""
    built = shutil.ignore_patterns("_core*", "__pycache__", "build_failure.txt")
    for name in ("zcprobe", "bpf", "LICENSES"):
        shutil.copytree(ROOT / name, folder / name, ignore=built)
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.md"), ROOT / "setup.py"):
        shutil.copy(path, folder)
    return folder


def _environment(folder: Path) -> Path:
    """A virtual environment in which the packages of this one can be imported, and zcprobe cannot."""
    venv.create(folder, symlinks=True)
    installed = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (installed / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def _install(folder: Path, compiler: str) -> Command:
    """The commands of an environment into which zcprobe was installed with that compiler, and none on the PATH."""
    sources, commands = _sources(folder / "sources"), _environment(folder / "environment")
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    settings = {**kept, "PATH": str(commands), "CC": compiler, "PYTHONNOUSERSITE": "1"}

    def run(*words: str) -> Answer:
        first = str(commands / words[0])
        return subprocess.run(
            [first, *words[1:]], cwd=folder, env=settings, capture_output=True, text=True, check=False
        )

    pip = ("python", "-m", "pip", "--disable-pip-version-check", "install", "--no-build-isolation", "--no-deps")
    installed = run(*pip, "--no-index", "--ignore-installed", str(sources))
    assert installed.returncode == 0, installed.stderr
    return run


@pytest.fixture(scope="module")
def without_compiler(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return _install(tmp_path_factory.mktemp("without"), "/nowhere/cc")


@pytest.fixture(scope="module")
def with_failing_compiler(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A real compiler that does not find a single header."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    return _install(tmp_path_factory.mktemp("failing"), f"{compiler} -nostdinc")


def test_a_run_is_loaded_from_the_package_that_was_installed(without_compiler: Command) -> None:
    answer = without_compiler("python", "-I", "-c", PRINT_RUN, str(RUN))
    assert (answer.returncode, answer.stderr) == (0, "")
    package, sends, rows = answer.stdout.split()
    assert "environment" in package
    assert int(rows) >= int(sends) > 0


def test_a_plot_a_report_and_an_export_are_made(without_compiler: Command, tmp_path: Path) -> None:
    plot, report, table = (tmp_path / name for name in ("figure.png", "report.html", "sends.csv"))
    for words in (
        ("plot", str(RUN), "-o", str(plot)),
        ("report", str(RUN), "-o", str(report)),
        ("export", str(RUN), "--format", "csv", "--table", "sends", "-o", str(table)),
    ):
        answer = without_compiler("zcprobe", *words)
        assert (answer.returncode, answer.stderr) == (0, ""), words
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in report.read_text() or "data:image/" in report.read_text()
    assert len(table.read_text().splitlines()) > 100


@pytest.mark.parametrize("verb", ["run", "compare", "overhead", "sink", "probes"])
def test_what_needs_the_core_says_so_in_two_lines(verb: str, without_compiler: Command) -> None:
    answer = without_compiler("zcprobe", verb)
    assert (answer.returncode, answer.stdout) == (3, "")
    what, hint = answer.stderr.splitlines()
    assert what.startswith("zcprobe: zcprobe's compiled core cannot be loaded by ")
    assert "it was not built: " in what
    assert "/nowhere/cc" in what
    assert "install a C compiler and the headers of libbpf and libseccomp, then " in hint
    assert "pip install" in hint


def test_doctor_has_a_row_for_it(without_compiler: Command) -> None:
    answer = without_compiler("zcprobe", "doctor", "-J")
    assert (answer.returncode, answer.stderr) == (3, "")
    checks = {check["name"]: check for check in msgspec.json.decode(answer.stdout)["checks"]}
    assert checks["core"]["status"] == "missing"
    assert "/nowhere/cc" in checks["core"]["found"]
    assert "install a C compiler" in checks["core"]["hint"]


def test_a_build_that_fails_is_explained_in_the_compiler_s_words(with_failing_compiler: Command) -> None:
    answer = with_failing_compiler("zcprobe", "run")
    assert answer.returncode == 3
    what, _ = answer.stderr.splitlines()
    assert "it was not built: " in what
    assert "error: " in what
    assert ".h: No such file or directory" in what


def test_it_can_be_made_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `make setup` wants it."""
    monkeypatch.setenv("ZCPROBE_CORE", "required")
    monkeypatch.setenv("CC", "/nowhere/cc")
    sources = _sources(tmp_path / "sources")
    command = [sys.executable, "setup.py", "-q", "build_ext"]
    answer = subprocess.run(command, cwd=sources, capture_output=True, text=True, check=False)
    assert answer.returncode != 0
    assert "/nowhere/cc" in answer.stderr
