# SPDX-License-Identifier: GPL-2.0-only
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zcprobe.dataset import schema
from zcprobe.dataset.check import check_table
from zcprobe.dataset.load import Run, load_run
from zcprobe.dataset.schema import fill_value, table_schema
from zcprobe.errors import OutputError, UsageError
from zcprobe.format.tables import TABLES

_DATA = Path(__file__).parents[2] / "data" / "version_1"
_RUN = next((_DATA / "held-completions").glob("*-qemu-merged-*"))


@pytest.fixture
def copied(tmp_path: Path) -> Run:
    return load_run(shutil.copytree(_RUN, tmp_path / _RUN.name))


def _rewrite(run: Run, table: str, changed: pa.Table) -> None:
    pq.write_table(changed, run.folder / f"{table}.parquet")


def test_every_table_has_the_documented_types_also_when_empty(run: Run, empty_run: Run) -> None:
    for table in TABLES:
        whole, empty = run.read(table), empty_run.read(table)
        assert list(whole) == list(empty) == TABLES[table].columns
        assert whole.dtypes.map(str).tolist() == empty.dtypes.map(str).tolist()
        assert len(empty) == 0


def test_only_the_columns_asked_for_are_read(copied: Run) -> None:
    assert list(copied.read("sends", ["latency_ns", "send_id"])) == ["latency_ns", "send_id"]
    assert "sends" not in copied.__dict__
    pd.testing.assert_frame_equal(copied.read("sends", ["error"]), copied.sends[["error"]])


def test_a_table_in_memory_is_not_read_again(copied: Run) -> None:
    whole = copied.sends
    (copied.folder / "sends.parquet").unlink()
    assert copied.read("sends") is whole
    assert len(copied.read("sends", ["error"])) == len(whole)


@pytest.mark.parametrize("rows", [1, 997, 10**6])
def test_chunks_together_are_the_table(copied: Run, rows: int) -> None:
    chunks = list(copied.iterate("notifications", rows=rows))
    assert all(len(chunk) <= rows for chunk in chunks)
    pd.testing.assert_frame_equal(pd.concat(chunks), copied.read("notifications"))


def test_unknown_names_are_a_usage_error(copied: Run) -> None:
    for call in (
        lambda: copied.read("sendz"),
        lambda: copied.read("sends", ["sendid"]),
        lambda: list(copied.iterate("sends", ["sendid"])),
        lambda: copied.downsample("sends", "sendid"),
    ):
        with pytest.raises(UsageError):
            call()


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_a_truncated_file_is_one_error(copied: Run, kept: float) -> None:
    path = copied.folder / "sends.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(OutputError, match=r"sends.parquet cannot be read"):
        _ = copied.sends
    with pytest.raises(OutputError):
        list(copied.iterate("sends"))


def test_a_file_damaged_inside_is_one_error(copied: Run) -> None:
    path = copied.folder / "sends.parquet"
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"sends.parquet cannot be read"):
        _ = copied.sends


@pytest.mark.parametrize("missing", [pa.array([1.0, np.nan]), pa.array([1, None], pa.int64())])
def test_missing_values_are_one_error(copied: Run, missing: pa.Array) -> None:
    sends = pq.read_table(copied.folder / "sends.parquet").slice(0, 2)
    at = sends.column_names.index("latency_ns")
    _rewrite(copied, "sends", sends.set_column(at, "latency_ns", missing))
    with pytest.raises(OutputError, match="1 values of column latency_ns are missing"):
        _ = copied.sends
    assert len(copied.read("sends", ["error"])) == 2


def test_a_column_of_another_type_is_one_error(copied: Run) -> None:
    sends = pq.read_table(copied.folder / "sends.parquet").slice(0, 2)
    at = sends.column_names.index("latency_ns")
    _rewrite(copied, "sends", sends.set_column(at, "latency_ns", pa.array(["a", "b"])))
    with pytest.raises(OutputError, match="latency_ns holds string"):
        _ = copied.sends


def test_a_missing_column_is_an_error_unless_the_run_is_older(copied: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    events = pq.read_table(copied.folder / "kernel_events.parquet").drop_columns(["kind", "cpu", "copied"])
    _rewrite(copied, "kernel_events", events)
    with pytest.raises(OutputError, match="no column copied, cpu, kind"):
        copied.read("kernel_events")
    lacks = schema._NOT_IN_VERSION[copied.format_version]["kernel_events"] | {"kind", "cpu", "copied"}
    monkeypatch.setattr(schema, "_NOT_IN_VERSION", {copied.format_version: {"kernel_events": lacks}})
    filled = copied.read("kernel_events")
    assert len(filled) == len(events)
    assert set(filled["kind"]) == {"unknown"}
    assert set(filled["cpu"]) == {0}
    assert not filled["copied"].any()
    assert filled.dtypes.map(str).tolist() == [str(kind) for kind in copied.read("kernel_events", None).dtypes]
    assert filled["cpu"].dtype == "uint32"


def test_only_missing_columns_still_have_all_rows(copied: Run) -> None:
    assert "spurious_count" not in pq.read_schema(copied.folder / "flushes.parquet").names
    assert copied.read("flushes", ["spurious_count"])["spurious_count"].tolist() == [0] * len(copied.flushes)


def test_columns_of_tomorrow_are_left_alone(copied: Run) -> None:
    sends = pq.read_table(copied.folder / "sends.parquet")
    _rewrite(copied, "sends", sends.append_column("of_tomorrow", pa.array(range(len(sends)))))
    assert list(copied.sends) == TABLES["sends"].columns


def test_every_column_has_a_fill_of_its_type() -> None:
    for table in TABLES:
        for field in table_schema(table):
            value = fill_value(table, field.name)
            assert isinstance(value, str) == pa.types.is_dictionary(field.type)
            if not isinstance(value, str):
                assert pa.scalar(value, field.type).as_py() == value


def test_downsampling_keeps_the_extremes_and_counts_every_row(copied: Run) -> None:
    table = copied.downsample("kernel_events", "optmem_bytes", buckets=50)
    whole = copied.kernel_events
    assert 10 < len(table) <= 50
    assert table["row_count"].sum() == len(whole)
    assert (table["low"].min(), table["high"].max()) == (whole["optmem_bytes"].min(), whole["optmem_bytes"].max())
    assert (table["mean"] * table["row_count"]).sum() == pytest.approx(whole["optmem_bytes"].sum())
    first, last = int(whole["time_ns"].min()), int(whole["time_ns"].max())
    part = copied.downsample("kernel_events", "optmem_bytes", 7, slice(first + 1, last))
    assert part["row_count"].sum() == ((whole["time_ns"] > first) & (whole["time_ns"] < last)).sum()


def test_nothing_downsampled_is_an_empty_table(empty_run: Run) -> None:
    assert empty_run.downsample("meminfo", "optmem_bytes").empty


_OTHER_KINDS = {
    "text": pa.array(["a"]),
    "digits as text": pa.array(["7"]),
    "lists": pa.array([[7]]),
    "bytes": pa.array([b"7"]),
    "moments": pa.array([7], pa.timestamp("ns")),
    "yes": pa.array([True]),
}


@pytest.mark.parametrize("kind", _OTHER_KINDS)
@pytest.mark.parametrize("column", ["latency_ns", "zerocopy", "channel"])
def test_a_column_of_another_kind_is_one_error(copied: Run, column: str, kind: str) -> None:
    if (column, kind) == ("zerocopy", "yes"):
        return
    table = pq.read_table(copied.folder / "sends.parquet").slice(0, 1)
    position = table.column_names.index(column)
    _rewrite(copied, "sends", table.set_column(position, column, _OTHER_KINDS[kind]))
    for read in (lambda: copied.sends, lambda: list(copied.iterate("sends")), lambda: check_table_of(copied, "sends")):
        with pytest.raises(OutputError, match=f"column {column} holds"):
            read()


def check_table_of(run: Run, table: str) -> int:
    return check_table(run.folder / f"{table}.parquet", table, run.format_version)


def test_a_column_that_is_there_twice_is_one_error(copied: Run) -> None:
    table = pq.read_table(copied.folder / "sends.parquet")
    _rewrite(copied, "sends", table.append_column(table.schema.field("latency_ns"), table["latency_ns"]))
    for read in (lambda: copied.sends, lambda: list(copied.iterate("sends")), lambda: check_table_of(copied, "sends")):
        with pytest.raises(OutputError, match="has the column latency_ns 2 times"):
            read()


@pytest.mark.parametrize("word", ["\x1b[31mread", "\u202eread", "", "a" * 65])
def test_a_category_that_no_enum_has_is_one_error(copied: Run, word: str) -> None:
    table = pq.read_table(copied.folder / "kernel_events.parquet").slice(0, 1)
    for values in (pa.array([word]), pa.array([word]).dictionary_encode()):
        _rewrite(copied, "kernel_events", table.set_column(table.column_names.index("kind"), "kind", values))
        with pytest.raises(OutputError, match="column kind holds other words"):
            _ = copied.read("kernel_events")


def test_text_stands_for_categories(copied: Run) -> None:
    before = copied.read("kernel_events", ["kind"])
    table = pq.read_table(copied.folder / "kernel_events.parquet")
    words = table["kind"].cast(pa.string())
    _rewrite(copied, "kernel_events", table.set_column(table.column_names.index("kind"), "kind", words))
    assert copied.read("kernel_events", ["kind"])["kind"].tolist() == before["kind"].tolist()


@pytest.mark.parametrize(("table", "column"), [("notifications", "time_ns"), ("sends", "latency_ns")])
@pytest.mark.parametrize("value", [-1, -(2**63), 2**62 + 1, 2**63 - 1])
def test_what_is_no_time_is_refused(table: str, column: str, value: int, copied: Run) -> None:
    """Sums and differences of times have room in 64 bits wherever they are made."""
    values = pq.read_table(copied.folder / f"{table}.parquet")
    wrong = pa.array([value] * len(values), values.schema.field(column).type)
    _rewrite(copied, table, values.set_column(values.column_names.index(column), values.schema.field(column), wrong))
    with pytest.raises(OutputError, match=f"column {column} has .* ns, expected were 0 to"):
        check_table(copied.folder / f"{table}.parquet", table, 2)
