# SPDX-License-Identifier: GPL-2.0-only
"""A mirror that fails for a moment costs time; one that stays away costs only what is newer than the cache."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import apt
from zcprobe.errors import HostError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(apt, "_PAUSES_S", (0.0, 0.0))


def _failing(times: int) -> Callable[[], str]:
    failures = iter(range(times))

    def call() -> str:
        if next(failures, None) is not None:
            raise HostError("Hash Sum mismatch", "")
        return "done"

    return call


def test_a_download_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert apt._persistently(_failing(2)) == "done"
    assert capsys.readouterr().err.count("Hash Sum mismatch; next try") == 2
    with pytest.raises(HostError, match="Hash Sum mismatch"):
        apt._persistently(_failing(3))


def _thing(name: str) -> Callable[[Path], tuple[str, Callable[[Path], None]]]:
    return lambda apt_folder: (name, lambda folder: (folder / "root").mkdir())


def _unreachable(apt_folder: Path) -> tuple[str, Callable[[Path], None]]:
    raise HostError("no route to host", "")


def _grow_old(path: Path) -> None:
    os.utime(path.parent / "newest", (0, 0))


def test_what_is_newer_replaces_what_is_there_once_a_day() -> None:
    first = apt.newest("things", "sid", _thing("thing_1"))
    assert apt.newest("things", "sid", _thing("thing_2")) == first
    _grow_old(first)
    second = apt.newest("things", "sid", _thing("thing_2"))
    assert (second.name, second.is_dir(), first.exists()) == ("thing_2", True, False)


def test_what_is_in_the_cache_is_used_when_the_mirror_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(HostError, match="no route"):
        apt.newest("things", "sid", _unreachable)
    first = apt.newest("things", "sid", _thing("thing_1"))
    _grow_old(first)
    assert apt.newest("things", "sid", _unreachable) == first
    assert "sid: no route to host; thing_1 from the cache is used" in capsys.readouterr().err


def test_an_unpacking_that_was_cut_short_is_begun_anew() -> None:
    def cut_short(apt_folder: Path) -> tuple[str, Callable[[Path], None]]:
        def fill(folder: Path) -> None:
            (folder / "root").mkdir()
            (folder / "root" / "half").touch()
            raise HostError("no space left", "")

        return "thing_1", fill

    with pytest.raises(HostError, match="no space"):
        apt.newest("things", "sid", cut_short)
    assert list(apt.newest("things", "sid", _thing("thing_1")).iterdir()) == []
