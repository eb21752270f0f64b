# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from zcprobe.dataset.table import iterate_table, read_table
from zcprobe.errors import OutputError
from zcprobe.format.metadata import FORMAT_VERSION
from zcprobe.format.tables import TABLES, Table
from zcprobe.recorder import spools
from zcprobe.recorder.parquet import write_table


def test_records_become_columns_with_names_for_enums_and_no_id_as_minus_one(tmp_path: Path) -> None:
    records = np.zeros(2, TABLES["sends"].dtype)
    records["send_id"] = [0, 2**64 - 1]
    records["zerocopy"] = [1, 0]
    records.tofile(tmp_path / "spool")
    assert write_table(TABLES["sends"], [tmp_path / "spool"], tmp_path) == 2
    table = pd.read_parquet(tmp_path / "sends.parquet")
    assert table["send_id"].tolist() == [0, -1]
    assert table["zerocopy"].tolist() == [True, False]


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_a_flipped_bit_in_any_page_is_an_error_and_no_wrong_number(table: Table, tmp_path: Path) -> None:
    records = np.zeros(1009, table.dtype)
    records[table.columns[0]] = np.arange(1009)
    records.tofile(tmp_path / "spool")
    write_table(table, [tmp_path / "spool"], tmp_path)
    path = tmp_path / f"{table.name}.parquet"
    whole = path.read_bytes()
    assert len(read_table(path, table.name, FORMAT_VERSION)) == 1009
    for end in _column_ends(path):
        for position in (end - 1, end - 2):
            path.write_bytes(whole[:position] + bytes([whole[position] ^ 8]) + whole[position + 1 :])
            with pytest.raises(OutputError, match="cannot be read"):
                read_table(path, table.name, FORMAT_VERSION)
            with pytest.raises(OutputError, match="cannot be read"):
                list(iterate_table(path, table.name, FORMAT_VERSION))


def _column_ends(path: Path) -> list[int]:
    """Offsets at which the last page of each column ends, in a file with one row group."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    starts = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    return [start + column.total_compressed_size for start, column in zip(starts, columns, strict=True)]


def test_a_file_without_checksums_is_read_as_before(tmp_path: Path) -> None:
    np.zeros(23, TABLES["rounds"].dtype).tofile(tmp_path / "spool")
    write_table(TABLES["rounds"], [tmp_path / "spool"], tmp_path)
    path = tmp_path / "rounds.parquet"
    written = pq.read_table(path)
    pq.write_table(written, path, write_page_checksum=False)
    assert read_table(path, "rounds", FORMAT_VERSION).equals(written.to_pandas())


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_an_empty_table_has_all_its_columns(table: Table, tmp_path: Path) -> None:
    (tmp_path / "spool").touch()
    assert write_table(table, [tmp_path / "spool"], tmp_path) == 0
    assert list(pd.read_parquet(tmp_path / f"{table.name}.parquet").columns) == table.columns


def test_enums_are_categories(tmp_path: Path) -> None:
    records = np.zeros(3, TABLES["flushes"].dtype)
    records["trigger"] = [0, 2, 1]
    records.tofile(tmp_path / "spool")
    write_table(TABLES["flushes"], [tmp_path / "spool"], tmp_path)
    assert pd.read_parquet(tmp_path / "flushes.parquet")["trigger"].tolist() == ["enobufs", "settle", "explicit"]


def test_the_spools_of_several_channels_become_one_table_in_their_order(tmp_path: Path) -> None:
    for channel in (0, 1, 2):
        records = np.zeros(channel + 1, TABLES["notifications"].dtype)
        records["channel"] = channel
        records.tofile(tmp_path / f"spool{channel}")
    spools = [tmp_path / f"spool{channel}" for channel in (2, 0, 1)]
    assert write_table(TABLES["notifications"], spools, tmp_path) == 6
    assert pd.read_parquet(tmp_path / "notifications.parquet")["channel"].tolist() == [2, 2, 2, 0, 1, 1]


def test_chunks_make_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "_CHUNK_RECORDS", 3)
    records = np.zeros(10, TABLES["notifications"].dtype)
    records["lo"] = records["hi"] = np.arange(10)
    records.tofile(tmp_path / "spool")
    assert write_table(TABLES["notifications"], [tmp_path / "spool"], tmp_path) == 10
    assert pd.read_parquet(tmp_path / "notifications.parquet")["lo"].tolist() == list(range(10))
