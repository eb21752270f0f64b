# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import msgspec
import pytest

from zcprobe.dataset.baseline import load_baseline
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.baseline import Baseline, BaselinePoint, baseline_file
from zcprobe.format.claims import Stamp
from zcprobe.seal import sealed

KEPT = Baseline(
    name="main",
    saved_utc="2026-11-27T12:00:00+00:00",
    folder="20261127T120000Z-held-completions-compare-a1b2c3",
    title="held-completions",
    stamp=Stamp(valid=True, run_count=2, why=[]),
    points={"qemu-merged": BaselinePoint(way={"channels": 1}, values={"goodput_bps": [3e9, None]})},
)


def stored(folder: Path, content: object) -> Path:
    path = folder / baseline_file("main")
    path.write_bytes(sealed(content))
    return path


def test_what_was_kept_is_read_back(tmp_path: Path) -> None:
    stored(tmp_path, KEPT)
    assert load_baseline(tmp_path, "main") == KEPT


def test_a_baseline_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no baseline other") as error:
        load_baseline(tmp_path, "other")
    assert "--save-baseline" in error.value.hint
    stored(tmp_path, KEPT)
    with pytest.raises(UsageError) as error:
        load_baseline(tmp_path, "other")
    assert error.value.hint == "there are: main"


def test_a_changed_baseline_is_refused(tmp_path: Path) -> None:
    path = stored(tmp_path, KEPT)
    path.write_bytes(path.read_bytes().replace(b"3000000000", b"1000000000"))
    with pytest.raises(OutputError, match="not as it was written"):
        load_baseline(tmp_path, "main")


@pytest.mark.parametrize(
    "changes",
    [
        {"points": None},
        {"stamp": {"valid": 1}},
        {"kind": "other"},
        {"format_version": 99},
        {"format_version": None},
        {"points": {"qemu-merged": {"way": {}, "values": {"goodput_bps": ["3"]}}}},
        {"name": "x" * 5000},
        {"points": {"qemu-merged": {"way": {"send_bytes": "4K"}, "values": {}}}},
        {"points": {"qemu-merged": {"way": {"to": "x" * 500}, "values": {}}}},
    ],
)
def test_what_is_no_baseline_is_refused_in_two_lines(tmp_path: Path, changes: dict[str, object]) -> None:
    stored(tmp_path, {**msgspec.to_builtins(KEPT), **changes})
    with pytest.raises(OutputError):
        load_baseline(tmp_path, "main")


def test_a_list_is_no_baseline(tmp_path: Path) -> None:
    (tmp_path / baseline_file("main")).write_bytes(b'["a"]\n')
    with pytest.raises(OutputError):
        load_baseline(tmp_path, "main")
