# SPDX-License-Identifier: GPL-2.0-only
import os
import socket
from pathlib import Path

import pytest

from zcprobe.dataset.files import open_regular, read_bounded
from zcprobe.errors import OutputError


def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(b"x" * 1009)
    assert read_bounded(path, 1009) == b"x" * 1009
    with pytest.raises(OutputError, match=r"run.json has 1,009 bytes, and a file of its kind at most 1,008"):
        read_bounded(path, 1008)


def test_a_sparse_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with path.open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(OutputError, match="4,398,046,511,104 bytes"):
        read_bounded(path)


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "a pipe"),
        (Path.mkdir, "a folder"),
        (_bind, "a socket"),
        (lambda path: path.symlink_to("/dev/zero"), "a symbolic link"),
        (lambda path: path.symlink_to("nothing"), "a symbolic link"),
        (lambda path: path.symlink_to(__file__), "a symbolic link"),
    ],
)
def test_what_is_no_file_is_named_and_never_waited_for(
    make: object, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("run.json")
    assert callable(make)
    make(path)
    with pytest.raises(OutputError, match=f"run.json is {words}, not a plain file"), open_regular(path):
        pass


def test_what_becomes_a_link_between_two_looks_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.json"
    path.symlink_to(__file__)
    monkeypatch.setattr("os.lstat", os.stat)  # as if it had been a file when it was looked at
    with pytest.raises(OutputError, match="cannot be read: Too many levels of symbolic links"), open_regular(path):
        pass
    path.unlink()
    os.mkfifo(path)
    monkeypatch.setattr("os.lstat", lambda path: os.stat(__file__))
    with pytest.raises(OutputError, match="is a pipe"), open_regular(path):
        pass


def test_what_is_not_there_is_for_the_caller_to_tell(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_regular(tmp_path / "nothing"):
        pass
    with pytest.raises(OutputError, match="cannot be read"), open_regular(Path("a\0b")):
        pass
