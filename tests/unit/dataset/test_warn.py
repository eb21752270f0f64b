# SPDX-License-Identifier: GPL-2.0-only
import shutil
from pathlib import Path

import pytest

import zcprobe
from tests.unit.indexed import update_index
from zcprobe.dataset.index_file import INDEX_FILE

_DATA = Path(__file__).parents[2] / "data" / "version_1"


@pytest.mark.parametrize("what", ["comparison", "collection", "index"])
def test_a_warning_names_the_line_that_loads(tmp_path: Path, what: str) -> None:
    folder = Path(shutil.copytree(_DATA / "in-order", tmp_path / "c"))
    if what == "index":
        update_index(folder)
        content = bytearray((folder / INDEX_FILE).read_bytes())
        content[100] ^= 1
        (folder / INDEX_FILE).write_bytes(content)
    else:
        (next(folder.glob("*-qemu-pre-*")) / "run.json").write_bytes(b"{")
    if what != "comparison":
        (folder / "comparison.json").unlink()
    with pytest.warns(UserWarning, match="left out|not used") as caught:
        zcprobe.load(folder, skip_damaged=True)
    assert [one.filename for one in caught] == [__file__]
