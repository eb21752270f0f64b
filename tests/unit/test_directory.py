# SPDX-License-Identifier: GPL-2.0-only
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zcprobe.directory import Directory, file_mode, identity_of, open_real_folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Directory]:
    (tmp_path / "folder").mkdir()
    with Directory.open(tmp_path / "folder") as opened:
        yield opened


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "precious").write_text("mine")
    return path


def test_what_is_written_follows_the_folder_and_not_its_name(folder: Directory, elsewhere: Path) -> None:
    moved = folder.path.with_name("moved")
    folder.path.rename(moved)
    folder.path.symlink_to(elsewhere)
    os.close(folder.create("file"))
    (folder.within / "another").write_text("x")
    assert {path.name for path in moved.iterdir()} == {"file", "another"}
    assert folder.real_path == moved
    assert {path.name for path in elsewhere.iterdir()} == {"precious"}


def test_a_link_in_the_place_of_a_new_file_is_not_followed(folder: Directory, elsewhere: Path) -> None:
    (folder.path / "file").symlink_to(elsewhere / "precious")
    (folder.path / "new").symlink_to(elsewhere / "new")
    for name in ("file", "new"):
        with pytest.raises(FileExistsError):
            folder.create(name)
    with pytest.raises(OSError, match="symbolic links"):
        folder.open_file("file", os.O_WRONLY)
    with pytest.raises(FileExistsError):
        folder.make_folder("new")
    assert [path.read_text() for path in elsewhere.iterdir()] == ["mine"]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_modes_are_as_asked_with_any_umask(umask: int, folder: Directory) -> None:
    before = os.umask(umask)
    try:
        os.close(folder.create("file", mode=0o600))
        with folder.make_folder("below", 0o700) as below:
            assert below.status.st_mode & 0o7777 == 0o700
        folder.write_at_once("whole", b"x")
        assert file_mode(0o755) == 0o755 & ~umask
    finally:
        os.umask(before)
    assert [(folder.path / name).stat().st_mode & 0o7777 for name in ("file", "whole")] == [0o600, 0o600]


def test_a_rename_replaces_only_when_it_is_told_to(folder: Directory) -> None:
    (folder.path / "old").write_text("old")
    (folder.path / "new").write_text("new")
    with pytest.raises(FileExistsError):
        folder.rename("new", "old")
    assert (folder.path / "old").read_text() == "old"
    folder.rename("new", "old", replace=True)
    assert (folder.path / "old").read_text() == "new"
    (folder.path / "empty").mkdir()
    with folder.make_folder("made"), pytest.raises(FileExistsError):
        folder.rename("made", "empty")


def test_emptying_removes_links_and_not_what_they_lead_to(folder: Directory, elsewhere: Path) -> None:
    below = folder.path / "below"
    below.mkdir()
    for link in (folder.path / "link", below / "link"):
        link.symlink_to(elsewhere)
    os.link(elsewhere / "precious", below / "hard")
    folder.empty()
    assert list(folder.path.iterdir()) == []
    assert (elsewhere / "precious").read_text() == "mine"


def test_modes_are_given_to_what_is_ours_alone(folder: Directory, elsewhere: Path) -> None:
    (elsewhere / "precious").chmod(0o600)
    os.link(elsewhere / "precious", folder.path / "hard")
    (folder.path / "below").mkdir(0o700)
    (folder.path / "below" / "file").touch(0o600)
    folder.give(None, (0o755, 0o644))
    modes = [path.stat().st_mode & 0o7777 for path in (folder.path, folder.path / "below", folder.path / "below/file")]
    assert modes == [0o755, 0o755, 0o644]
    assert (elsewhere / "precious").stat().st_mode & 0o7777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_is_in_a_folder_that_was_given_already_is_left(folder: Directory) -> None:
    """Its owner can have moved root's files into it, and root's folders that everybody can write to."""
    given, open_to_all = folder.path / "given", folder.path / "given" / "open"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)
    moved_in = [given / "secret", open_to_all / "secret"]
    for path in moved_in:
        path.touch(0o600)
    (folder.path / "file").touch(0o600)
    os.chown(given, 12345, 12345)
    folder.give((12345, 12345), (0o755, 0o644))
    assert [(path.stat().st_uid, path.stat().st_mode & 0o7777) for path in moved_in] == [(0, 0o600)] * 2
    assert {path.stat().st_uid for path in (folder.path, folder.path / "file")} == {12345}


def test_a_link_to_a_file_and_a_pipe_do_not_stop_the_giving(folder: Directory, elsewhere: Path) -> None:
    (folder.path / "link").symlink_to(elsewhere / "precious")
    os.mkfifo(folder.path / "pipe")
    (folder.path / "file").touch(0o600)
    folder.give(None, (0o755, 0o644))
    assert (folder.path / "file").stat().st_mode & 0o7777 == 0o644


def test_a_folder_that_took_the_place_of_a_new_one_is_refused(
    folder: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staged: it must be put there between two system calls."""
    mkdir = os.mkdir

    def replaced(name: str, mode: int, *, dir_fd: int) -> None:
        mkdir(name, mode, dir_fd=dir_fd)
        (folder.path / name / "planted").touch()

    monkeypatch.setattr(os, "mkdir", replaced)
    with pytest.raises(PermissionError, match="somebody put another folder"):
        folder.make_folder("new")


def test_a_real_folder_has_no_link_on_its_way(tmp_path: Path) -> None:
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    with open_real_folder(tmp_path / "real" / "below") as opened:
        assert identity_of(opened.status) == identity_of((tmp_path / "real" / "below").stat())
    for path in (tmp_path / "link" / "below", tmp_path / "link"):
        with pytest.raises(NotADirectoryError):
            open_real_folder(path)


def test_no_descriptor_stays_open(folder: Directory, tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        with open_real_folder(tmp_path), pytest.raises(FileNotFoundError):
            open_real_folder(tmp_path / "none" / "such")
        with folder.make_folder("made"):
            pass
        folder.give(None, (0o755, 0o644))
        folder.empty()
    assert os.listdir("/proc/self/fd") == before
