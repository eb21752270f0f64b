# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import pytest

from zcprobe.probes import layout_cache
from zcprobe.probes.layout_cache import cached_definitions

FOUND = {"OFFSET_sock_sk_omem_alloc": 368, "ADDRESS_sock_ofree": 0xFFFFFFFF81234567}


class Counter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> dict[str, int]:
        self.calls += 1
        return FOUND


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(layout_cache, "_FOLDER", tmp_path / "layout")
    return tmp_path / "layout"


def test_the_kernel_is_asked_once() -> None:
    find = Counter()
    assert [cached_definitions(find) for _ in range(3)] == [FOUND] * 3
    assert find.calls == 1


def _boot(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = folder.parent / name
    other.write_text(name)
    monkeypatch.setattr(layout_cache, "_BOOT_ID", other)


def test_another_boot_or_kernel_is_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Counter()
    cached_definitions(find)
    _boot("another boot", folder, monkeypatch)
    cached_definitions(find)
    assert find.calls == 2


def test_two_that_take_turns_are_asked_once_each(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Counter()
    for _ in range(3):
        for name in ("one version", "another version"):
            _boot(name, folder, monkeypatch)
            cached_definitions(find)
    assert find.calls == 2


def test_of_many_only_the_latest_stay(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        _boot(f"version {number}", folder, monkeypatch)
        cached_definitions(Counter())
    assert len(list(folder.iterdir())) == 8
    find = Counter()
    cached_definitions(find)
    assert find.calls == 0


@pytest.mark.parametrize("content", ["", "{", '{"OFFSET_x": "no number"}', "[1]"])
def test_a_damaged_file_is_made_again(content: str, folder: Path) -> None:
    find = Counter()
    cached_definitions(find)
    (file,) = folder.iterdir()
    file.write_text(content)
    assert cached_definitions(find) == FOUND
    assert find.calls == 2


def test_a_file_that_others_could_have_written_is_not_believed(folder: Path) -> None:
    find = Counter()
    cached_definitions(find)
    folder.chmod(0o777)
    assert cached_definitions(find) == FOUND
    assert find.calls == 2


def test_without_a_folder_it_works_all_the_same(folder: Path) -> None:
    folder.write_text("not a folder")
    find = Counter()
    assert cached_definitions(find) == FOUND
