# SPDX-License-Identifier: GPL-2.0-only
import shutil
from pathlib import Path

import pytest

from zcprobe.dataset.load import load_run
from zcprobe.dataset.trial import require_readable
from zcprobe.errors import OutputError
from zcprobe.format.tables import TABLES

_RUN = next((Path(__file__).parents[2] / "data" / "version_2" / "digests").glob("*-qemu-merged-*"))


def test_tables_that_can_be_read_pass() -> None:
    require_readable(_RUN, 2, [name for name in TABLES if (_RUN / f"{name}.parquet").exists()])
    require_readable(_RUN, 2, [])


def test_nothing_of_pythonpath_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canary = tmp_path / "canary"
    for name in ("numpy", "pandas", "pyarrow", "msgspec", "zcprobe"):
        (tmp_path / f"{name}.py").write_text(f"open({str(canary)!r}, 'a').write({name!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    require_readable(_RUN, 2, ["sends"])
    assert not canary.exists()


def test_what_arrow_says_of_a_table_is_told(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(_RUN, tmp_path / "run"))
    (folder / "stalls.parquet").write_bytes(b"PAR1")
    with pytest.raises(OutputError, match=r"stalls\.parquet cannot be read: "):
        require_readable(folder, 2, ["sends", "stalls", "flushes"])


def test_a_process_that_aborts_names_its_table_and_ends_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aborting = tmp_path / "python"
    aborting.write_text("#!/bin/sh\necho sends\necho flushes\nkill -ABRT $$\n")
    aborting.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(aborting))
    with pytest.raises(OutputError, match=r"flushes\.parquet: the process that tried to read it ended by signal 6"):
        require_readable(_RUN, 2, ["sends", "flushes"])


@pytest.mark.parametrize("from_end", [8, 40, 400])
def test_a_flip_that_is_allowed_is_read_or_refused(tmp_path: Path, from_end: int) -> None:
    folder = Path(shutil.copytree(_RUN, tmp_path / "run"))
    path = folder / "stalls.parquet"
    content = bytearray(path.read_bytes())
    content[-from_end] ^= 16
    path.write_bytes(content)
    told = "read"
    try:
        assert load_run(folder, allow_damaged=True).damage
    except OutputError as error:
        told = str(error)
    assert told == "read" or "stalls.parquet" in told
