# SPDX-License-Identifier: GPL-2.0-only
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "subprocess.CompletedProcess[str]"]

_RUN = next((Path(__file__).parents[2] / "data" / "version_1" / "in-order").glob("*-qemu-pre-*"))


@pytest.mark.parametrize(
    "words", [("report",), ("plot", "--figure", "goodput"), ("export", "--format", "csv")], ids=" ".join
)
def test_what_root_writes_belongs_to_the_user_behind_sudo(
    zcprobe: Command, tmp_path: Path, words: tuple[str, ...]
) -> None:
    target = tmp_path / "written.svg"
    for environment, owner in (({}, (0, 0)), ({"SUDO_UID": "65534", "SUDO_GID": "65533"}, (65534, 65533))):
        result = zcprobe(words[0], str(_RUN), *words[1:], "-o", str(target), **environment)
        assert result.returncode == 0, result.stderr
        assert (target.stat().st_uid, target.stat().st_gid) == owner


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of the user behind sudo that contains links to root's files."""
    (tmp_path / "precious").write_text("root's")
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "precious")
    (folder / "new").symlink_to(tmp_path / "not-there")
    (folder / "below").symlink_to(tmp_path)
    for path in (folder, *folder.iterdir()):
        os.chown(path, 65534, 65533, follow_symlinks=False)
    return folder


@pytest.mark.parametrize("name", ["link", "new", "below/precious"])
@pytest.mark.parametrize("words", [("export",), ("plot", "--figure", "goodput")], ids=" ".join)
def test_root_follows_no_link_of_theirs(
    name: str, words: tuple[str, ...], zcprobe: Command, theirs: Path, tmp_path: Path
) -> None:
    target = theirs / name
    if words[0] == "plot":
        target = target.with_suffix(".svg")
        if (theirs / name).is_symlink():
            (theirs / name).rename(target)
    sudo = {"SUDO_UID": "65534", "SUDO_GID": "65533"}
    result = zcprobe(words[0], str(_RUN), *words[1:], "-o", str(target), **sudo)
    assert result.returncode == 2
    assert "does not follow the link" in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert (tmp_path / "precious").read_text() == "root's"
    assert not (tmp_path / "not-there").exists()


def test_a_file_takes_the_place_of_another_and_leaves_no_third(zcprobe: Command, theirs: Path) -> None:
    (theirs / "lines").write_text("before")
    before = set(theirs.iterdir())
    for _ in range(2):
        result = zcprobe("export", str(_RUN), "-o", str(theirs / "lines"), SUDO_UID="65534", SUDO_GID="65533")
        assert result.returncode == 0, result.stderr
        assert "qemu-pre" in (theirs / "lines").read_text()
    assert set(theirs.iterdir()) == before


@pytest.mark.parametrize("name", ["/dev/stdout", "/proc/self/fd/1", "/dev/fd/1", "-"])
def test_stdout_has_names(name: str, zcprobe: Command) -> None:
    result = zcprobe("export", str(_RUN), "-o", name)
    assert (result.returncode, "qemu-pre" in result.stdout) == (0, True)


def test_a_report_that_is_killed_leaves_nothing(zcprobe: Command, tmp_path: Path) -> None:
    """Nothing is left beside its output or among temporary files, whatever the moment."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("before")
    for seconds in ("0.6", "1.2", "2.0", "3.0"):
        zcprobe(
            "report", str(_RUN), "-o", "out/report.html", before=("timeout", "-s", "KILL", seconds),
            TMPDIR=str(tmp_path / "tmp"),
        )  # fmt: skip
    assert zcprobe("doctor", "--clean").returncode == 0
    assert list((tmp_path / "tmp").iterdir()) == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report.html"]
