# SPDX-License-Identifier: GPL-2.0-only
"""Runs as root for a user behind sudo who interferes."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from zcprobe.errors import OutputError
from zcprobe.journal import Journal, journal
from zcprobe.recorder.run_directory import folder_name, open_run_directory

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")

USER = 12345


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUDO_UID", str(USER))
    monkeypatch.setenv("SUDO_GID", str(USER))
    path = tmp_path / "results"
    path.mkdir()
    os.chown(path, USER, USER)
    return path


@pytest.fixture
def entry() -> Iterator[Journal]:
    with journal(f"dir{os.getpid()}") as opened:
        yield opened
        assert opened.is_settled()


@pytest.fixture
def name() -> str:
    return folder_name("in-order", "none", f"dir{os.getpid()}")


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """A folder of root's that must stay unchanged."""
    path = tmp_path / "canary"
    path.mkdir()
    (path / "precious").write_text("root's")
    before = path.stat()
    yield path
    assert [(entry.name, entry.read_text()) for entry in path.iterdir()] == [("precious", "root's")]
    assert (path.stat().st_uid, path.stat().st_mtime_ns) == (0, before.st_mtime_ns)
    assert (path / "precious").stat().st_uid == 0


@contextmanager
def few_files(free: int) -> Iterator[None]:
    """So many descriptors are free, and all others are in use."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        with suppress(OSError):  # EMFILE
            while True:
                used.append(os.dup(0))
        assert used
        for fd in used[:free]:
            os.close(fd)
        yield
    finally:
        for fd in used[free:]:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_it_is_removed_even_if_no_more_files_can_be_opened(parent: Path, entry: Journal, name: str) -> None:
    with ExitStack() as later, open_run_directory(parent, name, entry) as directory:
        (directory.path / "folder").mkdir()
        (directory.path / "folder" / "file").write_text("x")
        later.enter_context(few_files(0))
    assert not list(parent.iterdir())


def test_nothing_stays_where_too_few_files_can_be_opened_to_make_it(parent: Path, entry: Journal, name: str) -> None:
    made = []
    for free in range(12):
        with few_files(free), suppress(OSError), open_run_directory(parent, name, entry):
            made.append(free)
        assert not list(parent.iterdir())
    assert 0 < len(made) < 12


def test_until_it_is_given_it_is_roots_alone(parent: Path, entry: Journal, name: str) -> None:
    before = os.umask(0)
    try:
        with open_run_directory(parent, name, entry) as directory:
            (directory.path / "file").write_text("x")
            status = directory.place.stat()
            assert (status.st_uid, status.st_mode & 0o7777) == (0, 0o700)
            assert list(entry.record.folders) == [str(directory.place)]
            directory.keep()
    finally:
        os.umask(before)
    for path, mode in ((parent / name, 0o755), (parent / name / "file", 0o644)):
        status = path.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (USER, USER, mode)


def test_a_link_in_its_place_gets_nothing(parent: Path, entry: Journal, name: str, canary: Path) -> None:
    with open_run_directory(parent, name, entry) as directory:
        directory.place.rename(parent / "moved")
        directory.place.symlink_to(canary)
        (directory.path / "file").write_text("x")
        with pytest.raises(OutputError, match="somebody moved the folder") as refusal:
            directory.keep()
    assert str(parent / "moved") in refusal.value.hint
    assert (parent / "moved" / "file").read_text() == "x"


def test_a_parent_that_is_swapped_is_left_behind(parent: Path, entry: Journal, name: str, canary: Path) -> None:
    with open_run_directory(parent, name, entry) as directory:
        parent.rename(parent.with_name("moved"))
        parent.symlink_to(canary)
        (directory.path / "file").write_text("x")
        directory.keep()
    assert (parent.with_name("moved") / name / "file").read_text() == "x"


def test_a_name_that_was_taken_is_not_overwritten(parent: Path, entry: Journal, name: str, canary: Path) -> None:
    (parent / name).symlink_to(canary)
    with open_run_directory(parent, name, entry) as directory, pytest.raises(OutputError, match="exists already"):
        directory.keep()
    assert {path.name for path in parent.iterdir()} == {name, directory.place.name}
    assert directory.place.stat().st_uid == USER


def test_what_is_shown_is_roots_until_it_is_whole(parent: Path, entry: Journal, name: str) -> None:
    with open_run_directory(parent, name, entry) as directory:
        directory.show()
        with open_run_directory(directory.directory, "20260101T000000Z-in-order-none-below", entry) as below:
            (below.path / "run.json").write_text("{}")
            below.keep()
        for path in (parent / name, parent / name / below.place.name / "run.json"):
            assert path.stat().st_uid == 0
            assert path.stat().st_mode & 0o004
        assert directory.directory.path == directory.place == parent / name  # which messages about its runs have
        assert list(entry.record.results) == [str(parent / name)]
    assert {path.stat().st_uid for path in (parent / name).rglob("*")} == {USER}


def test_a_killed_comparison_is_given_with_the_modes_of_its_umask(parent: Path, entry: Journal, name: str) -> None:
    before = os.umask(0o077)
    try:
        with open_run_directory(parent, name, entry) as directory:
            directory.show()
            assert [result.modes for result in entry.record.results.values()] == [(0o700, 0o600)]
    finally:
        os.umask(before)


def test_links_that_its_user_puts_into_it_are_not_given_away(
    parent: Path, entry: Journal, name: str, canary: Path
) -> None:
    """The user cannot do that, so root simulates it."""
    with open_run_directory(parent, name, entry) as directory:
        (directory.path / "folder").symlink_to(canary)
        os.link(canary / "precious", directory.path / "hard")
        directory.keep()


def test_what_is_not_kept_is_removed_whoever_moved_it(parent: Path, entry: Journal, name: str, canary: Path) -> None:
    def fail() -> None:
        with open_run_directory(parent, name, entry) as directory:
            (directory.path / "file").write_text("x")
            (directory.path / "link").symlink_to(canary)
            raise ValueError("in the run")

    with pytest.raises(ValueError, match="in the run"):
        fail()
    assert list(parent.iterdir()) == []


@pytest.mark.parametrize("given", [os.fsdecode(b"\xff"), "."])
def test_a_path_that_is_no_text_is_told_as_it_is(
    given: str, parent: Path, entry: Journal, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    not_text = parent / os.fsdecode(b"\xff")
    not_text.mkdir()
    monkeypatch.chdir(not_text if given == "." else parent)
    with pytest.raises(OutputError) as refusal, open_run_directory(Path(given), name, entry):
        pass
    told = str(not_text) if given == "." else given
    assert str(refusal.value) == f"the path {told!r} is not valid UTF-8 text"


def test_a_folder_that_third_users_can_change_is_refused(parent: Path, entry: Journal, name: str) -> None:
    parent.chmod(0o777)
    with pytest.raises(OutputError, match="other users can write there"), open_run_directory(parent, name, entry):
        pass
    parent.chmod(0o1777)
    with open_run_directory(parent, name, entry) as directory:
        directory.keep()
    assert [path.name for path in parent.iterdir()] == [name]
