# SPDX-License-Identifier: GPL-2.0-only
"""Which versions there are, and that another one than expected is not taken for it."""

from pathlib import Path

import pytest

from tests.senders import fetch
from tests.senders.cells import CELLS
from tests.senders.versions import VERSIONS, find_version
from zcprobe.errors import HostError, UsageError
from zcprobe.policies import find_policy


def test_names_are_found_and_an_unknown_one_is_told_the_known() -> None:
    assert [find_version(version.name) for version in VERSIONS] == list(VERSIONS)
    with pytest.raises(UsageError) as caught:
        find_version("1.0")
    assert all(version.name in caught.value.hint for version in VERSIONS)


def test_each_version_has_a_policy_that_stands_for_it_and_cells_beside_each_other() -> None:
    assert [find_policy(version.policy).name for version in VERSIONS] == [version.policy for version in VERSIONS]
    assert list(dict.fromkeys(cell.version for cell in CELLS)) == list(VERSIONS)
    assert [cell.version.name for cell in CELLS] == sorted((cell.version.name for cell in CELLS), key=float)


def test_a_suite_that_has_moved_on_to_another_version_fails_loudly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "newest", lambda kind, suite, find: tmp_path / "qemu_12.0.1+ds-1")
    with pytest.raises(HostError, match=r"has QEMU 12\.0\.1"):
        fetch.fetch(find_version("11.1"))


def test_a_qemu_runs_with_its_own_loader_and_libraries(tmp_path: Path) -> None:
    root = tmp_path / "qemu_10.0"
    command = fetch.unpacked(root, "10.0").command
    paths = [word for word in command if "/" in word]
    assert len(paths) == 5
    assert all(word.startswith(str(root)) for word in paths)
