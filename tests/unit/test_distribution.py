# SPDX-License-Identifier: GPL-2.0-only
"""The source distribution and the wheel, built from a copy of the tree and installed where there is nothing else."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_RUN = next((_ROOT / "tests" / "data").glob("*/in-order/*/run.json")).parent
_NOT_IN_A_CHECKOUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".*_cache",
    ".hypothesis",
    "__pycache__",
    "*.egg-info",
    "*.so",
    "_core.c",
    "build",
    "dist",
    "results",
)
_NOT_FOR_A_BUILD = {".github"}

pytestmark = [pytest.mark.command, pytest.mark.network]


def _run(*words: str | Path, folder: Path) -> str:
    result = subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout in which `make dist` has been called, with the environment that runs the tests."""
    copy = tmp_path_factory.mktemp("dist") / "zcprobe"
    shutil.copytree(_ROOT, copy, ignore=_NOT_IN_A_CHECKOUT)
    _run("make", "--assume-old=setup", "dist", f"VENV={Path(sys.executable).parent}", folder=copy)
    yield copy
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    (found,) = (tree / "dist").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new virtual environment with the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    _run(sys.executable, "-I", "-m", "venv", folder, folder=wheel.parent)
    _run(folder / "bin/python", "-I", "-m", "pip", "install", "--no-compile", wheel, folder=wheel.parent)
    yield folder
    shutil.rmtree(folder)


def test_the_source_distribution_has_every_file_of_the_tree(tree: Path) -> None:
    (archive,) = (tree / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as files:
        packed = {name.partition("/")[2] for name in files.getnames()}
    # the tree's own were there before, and none is left out; what make dist has generated comes with them
    assert {path for path in _sources() - packed if path.split("/")[0] not in _NOT_FOR_A_BUILD} == set()
    assert "share/man/man1/zcprobe.1" in packed
    assert not [name for name in packed if name.endswith((".so", ".pyc", "/_core.c"))]


def _sources() -> set[str]:
    """The files of a checkout: what is in this tree, without what a set-up, a build or a test has made."""
    found = set()
    for folder, folders, names in os.walk(_ROOT):
        made = _NOT_IN_A_CHECKOUT(folder, [*folders, *names])
        folders[:] = [name for name in folders if name not in made]
        found |= {os.path.relpath(os.path.join(folder, name), _ROOT) for name in names if name not in made}
    assert len(found) > 500
    return found


def test_the_wheel_has_what_runs_and_what_explains_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    ends = [
        "zcprobe/py.typed",
        "zcprobe/bpf/zcprobe.h",
        "zcprobe/bpf/kernel/include/linux/types.h",
        "zcprobe/report/template.html.j2",
        ".dist-info/licenses/LICENSES/GPL-2.0-only.txt",
        ".data/data/share/man/man1/zcprobe.1",
        ".data/data/share/man/man1/zcprobe-run.1",
        ".data/data/share/bash-completion/completions/zcprobe",
        ".data/data/share/zsh/site-functions/_zcprobe",
    ]
    assert [end for end in ends if not any(name.endswith(end) for name in names)] == []
    assert any(name.startswith("zcprobe/native/_core.") and name.endswith(".so") for name in names)
    assert not [name for name in names if name.startswith("tests/") or name.endswith("native/sender.c")]


def test_the_metadata_is_complete(metadata: Message) -> None:
    assert metadata["License-Expression"] == "GPL-2.0-only"
    assert metadata["License-File"] == "LICENSES/GPL-2.0-only.txt"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert "MSG_ZEROCOPY" in metadata["Keywords"]
    assert metadata["Author"]
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Operating System :: POSIX :: Linux" in metadata.get_all("Classifier", [])
    assert str(metadata.get_payload()).startswith("# zcprobe")


@pytest.mark.parametrize("words", [("-h",), ("--version",), ("run", "-h"), ("policies",), ("export", str(_RUN))])
def test_the_command_works_in_a_clean_environment(words: tuple[str, ...], environment: Path, tmp_path: Path) -> None:
    assert _run(environment / "bin/zcprobe", *words, folder=tmp_path)


def test_in_a_clean_environment_the_core_loads_and_runs_are_read(environment: Path, tmp_path: Path) -> None:
    code = "import sys, zcprobe, zcprobe.native; print(len(zcprobe.load(sys.argv[1]).sends))"
    assert int(_run(environment / "bin/python", "-I", "-c", code, _RUN, folder=tmp_path)) > 0
    assert (environment / "share/man/man1/zcprobe.1").is_file()
