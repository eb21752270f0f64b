# SPDX-License-Identifier: GPL-2.0-only
"""Which paths to a folder root follows. The tests need root because they change owners."""

import os
from pathlib import Path

import pytest

from zcprobe.errors import OutputError
from zcprobe.trust import open_trusted_folder, open_trusted_parent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")

USER, OTHER = 12345, 54321


@pytest.fixture(autouse=True)
def _sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", str(USER))
    monkeypatch.setenv("SUDO_GID", str(USER))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "place"
    path.mkdir(0o755)
    return path


def opens(path: Path) -> bool:
    with open_trusted_folder(path) as folder:
        return os.path.samestat(folder.status, path.stat())


@pytest.mark.parametrize(
    ("owner", "mode", "reason"),
    [
        (0, 0o755, None),
        (0, 0o700, None),
        (USER, 0o755, None),
        (0, 0o1777, None),
        (USER, 0o1777, None),
        (OTHER, 0o755, f"belongs to user {OTHER}"),
        (OTHER, 0o1777, f"belongs to user {OTHER}"),
        (0, 0o777, "other users can write there"),
        (USER, 0o757, "other users can write there"),
        (USER, 0o775, "other users can write there"),
    ],
)
@pytest.mark.parametrize("below", ["", "below", "below/it"])
def test_a_folder_is_trusted_when_root_and_its_user_alone_can_change_it(
    owner: int, mode: int, reason: str | None, below: str, place: Path
) -> None:
    (place / below).mkdir(parents=True, exist_ok=True)
    os.chown(place, owner, USER)
    place.chmod(mode)
    if reason is None:
        assert opens(place / below)
    else:
        with pytest.raises(OutputError, match=reason) as refusal:
            open_trusted_folder(place / below)
        assert str(place) in str(refusal.value)
        assert "-o" in refusal.value.hint


def test_without_sudo_root_alone_is_trusted(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID")
    assert opens(place)
    os.chown(place, USER, USER)
    with pytest.raises(OutputError, match=f"belongs to user {USER}"):
        open_trusted_folder(place)


def test_a_group_that_is_its_owner_alone_may_write(place: Path) -> None:
    os.chown(place, 0, 0)  # the group root has only root as a member
    place.chmod(0o775)
    assert opens(place)


def test_a_relative_path_begins_at_a_folder_that_is_held(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders above it can no longer move it, but its own owner and mode count."""
    (place / "work" / "out").mkdir(parents=True)
    os.chown(place, OTHER, OTHER)
    monkeypatch.chdir(place / "work")
    assert opens(Path("out"))
    os.chown(place / "work", OTHER, OTHER)
    for path in (Path("out"), Path()):
        with pytest.raises(OutputError, match="belongs to user"):
            open_trusted_folder(path)


@pytest.mark.parametrize("trusted", [True, False])
def test_a_link_is_followed_only_where_root_alone_can_have_put_it(trusted: bool, place: Path) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    if trusted:
        assert opens(place / "link")
        (place / "absolute").symlink_to(place / "real")
        assert opens(place / "absolute")
    for spoil in (lambda: os.chown(place / "link", USER, USER, follow_symlinks=False), lambda: place.chmod(0o1777)):
        spoil()
        with pytest.raises(OutputError, match="does not follow the link"):
            open_trusted_folder(place / "link")
        os.chown(place / "link", 0, 0, follow_symlinks=False)


def test_where_a_link_leads_is_looked_at_too(place: Path) -> None:
    (place / "theirs" / "below").mkdir(parents=True)
    os.chown(place / "theirs", OTHER, OTHER)
    (place / "link").symlink_to("theirs/below")
    with pytest.raises(OutputError, match=f"theirs: it belongs to user {OTHER}"):
        open_trusted_folder(place / "link")


def test_links_that_go_in_circles_end(place: Path) -> None:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        open_trusted_folder(place / "a")


def test_missing_folders_are_made_for_the_user(place: Path) -> None:
    before = os.umask(0)
    try:
        with open_trusted_folder(place / "a" / "b", make=True):
            pass
    finally:
        os.umask(before)
    for path in (place / "a", place / "a" / "b"):
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (USER, USER, 0o755)
    with pytest.raises(FileNotFoundError):
        open_trusted_folder(place / "c")


def test_a_files_name_is_what_is_left(place: Path) -> None:
    (place / "link").symlink_to("file")
    for name in ("file", "link", "new"):
        folder, last = open_trusted_parent(place / name)
        with folder:
            assert os.path.samestat(folder.status, place.stat())
            assert last == ("file" if name == "link" else name)
    with pytest.raises(IsADirectoryError):
        open_trusted_parent(place)


def test_no_descriptor_stays_open(place: Path) -> None:
    (place / "link").symlink_to("none")
    before = os.listdir("/proc/self/fd")
    for path in (place / "none" / "such", place / "link" / "x", place):
        try:
            with open_trusted_folder(path):
                pass
        except OSError:
            pass
    assert os.listdir("/proc/self/fd") == before
