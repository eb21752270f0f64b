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


def test_another_boot_or_kernel_is_asked_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Counter()
    cached_definitions(find)
    other = folder.parent / "boot_id"
    other.write_text("another boot")
    monkeypatch.setattr(layout_cache, "_BOOT_ID", other)
    cached_definitions(find)
    assert find.calls == 2
    assert len(list(folder.iterdir())) == 1  # what no later start can use is gone


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
