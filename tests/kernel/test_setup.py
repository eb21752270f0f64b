# SPDX-License-Identifier: GPL-2.0-only
"""Set-up from nothing, in a copy of the tree; needs a package index for pip, and takes as long as pip does."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_NOT_IN_A_CHECKOUT = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "*.so", "build", "results"
)
_NEEDED_COMMANDS = ("bash", "cat", "cut", "dpkg", "env", "head", "make", "python3", "rm", "sed", "sha256sum", "sleep")

_CORE_BCC_AND_BPF_SOURCES = """
import bcc, importlib.resources, zcprobe.native
bcc.BPF
sources = {path.name for path in importlib.resources.files("zcprobe.bpf").iterdir()}
assert "zcprobe.h" in sources and any(name.endswith(".bpf.c") for name in sources), sources
print(zcprobe.native.__file__)
"""


def _run(tree: Path, *command: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    """Runs in `tree` as from a shell, without variables set by make, an active environment or pytest."""
    kept = {name: os.environ[name] for name in os.environ if name == "HOME" or name.startswith("PIP_")}
    # most of set-up's time would go into the byte code of packages that nobody imports here
    environment = {**kept, "PATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


def _path_with(folder: Path, *commands: str) -> str:
    """A PATH with exactly these commands."""
    folder.mkdir()
    for command in commands:
        found = shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin")
        assert found is not None, command
        (folder / command).symlink_to(found)
    return str(folder)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkout that has been set up once, without byte code: make would not let that be switched off."""
    copy = tmp_path_factory.mktemp("setup") / "zcprobe"
    shutil.copytree(ROOT, copy, ignore=_NOT_IN_A_CHECKOUT)
    result = _run(copy, "tools/setup.sh")
    assert result.returncode == 0, result.stderr
    yield copy
    # pytest keeps the folders of three sessions, and this one holds most of a gigabyte.
    shutil.rmtree(copy)


def test_everything_works_in_the_environment(tree: Path) -> None:
    python = _run(tree, ".venv/bin/python", "-c", _CORE_BCC_AND_BPF_SOURCES)
    assert python.returncode == 0, python.stderr
    assert python.stdout.strip() == str(tree / "zcprobe/native/__init__.py")
    # run in another folder, so that the installed package is used and not the current folder
    command = _run(Path("/"), str(tree / ".venv/bin/zcprobe"), "--help")
    assert command.returncode == 0, command.stderr


def test_of_the_system_packages_only_bcc_is_visible(tree: Path) -> None:
    names = [path.name for path in (tree / ".venv/system-packages").iterdir()]
    assert names == ["bcc"]


def test_a_second_call_is_quick_and_silent(tree: Path) -> None:
    used_s = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = _run(tree, "make", "setup")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert min(used_s) < 1  # of processor time, however busy this machine is


def test_a_changed_source_is_built_again_without_pip_s_packages(tree: Path) -> None:
    with (tree / "zcprobe/native/decl/channel.h").open("a") as header:
        header.write("/* changed */\n")
    result = _run(tree, "make", "setup")
    assert (result.returncode, result.stderr) == (0, "setup: building zcprobe's C core\n")


def test_a_lost_core_and_a_lost_link_are_repaired(tree: Path) -> None:
    for core in (tree / "zcprobe/native").glob("_core.*.so"):
        core.unlink()
    (tree / ".venv/system-packages/bcc").unlink()
    assert _run(tree, "make", "setup").returncode == 0
    assert _run(tree, ".venv/bin/python", "-c", _CORE_BCC_AND_BPF_SOURCES).returncode == 0


def test_without_apt_get_the_missing_packages_are_named(tree: Path, tmp_path: Path) -> None:
    path = _path_with(tmp_path / "bin", *_NEEDED_COMMANDS)
    result = _run(tree, "tools/setup.sh", path=path)
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        "setup: missing: compiler iproute2",
        "setup: install them. Fedora: gcc glibc-devel iproute iproute-tc. Arch: gcc iproute2.",
    ]
    # make has one exit code for every failed recipe.
    assert _run(tree, "make", "setup", path=path).returncode == 2


def test_what_boots_other_kernels_is_asked_for_with_them_only(tree: Path, tmp_path: Path) -> None:
    path = _path_with(tmp_path / "bin", *_NEEDED_COMMANDS)
    result = _run(tree, "tools/setup.sh", "guests", path=path)
    assert result.returncode == 3
    assert result.stderr.splitlines()[0] == "setup: missing: compiler iproute2 qemu busybox kmod"


def test_without_root_the_command_to_run_is_named(tree: Path, tmp_path: Path) -> None:
    path = _path_with(tmp_path / "bin", *_NEEDED_COMMANDS, "apt-get", "ip", "tc", "unshare")
    # A user namespace without a mapping: the user id is not 0, but still that of the owner of the tree.
    result = _run(tree, "unshare", "--user", "tools/setup.sh", path=path)
    assert result.returncode == 3
    assert result.stderr.splitlines() == [
        "setup: missing: gcc libc6-dev",
        "setup: as root: apt-get install gcc libc6-dev",
    ]
