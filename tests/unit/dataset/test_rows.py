# SPDX-License-Identifier: GPL-2.0-only
from typing import Any

import pyarrow as pa
import pytest

from zcprobe.dataset.facts import run_row
from zcprobe.dataset.load import Run, RunCollection
from zcprobe.dataset.rows import join_tables, known_schema, runs_table


@pytest.mark.bulk
def test_every_kept_run_fits_the_types_that_are_known(campaign: RunCollection) -> None:
    rows = [run_row(run) for run in campaign]
    table = runs_table(rows)
    assert table.schema.names[: len(known_schema())] == known_schema().names
    assert [table.schema.field(field.name) for field in known_schema()] == list(known_schema())
    valued = [{name: row[name] for name in row if name in table.schema.names} for row in rows]
    assert table.to_pylist() == [dict.fromkeys(table.schema.names) | row for row in valued]
    assert {value for row in rows for name, value in row.items() if name not in table.schema.names} <= {None}


def test_only_what_a_scenario_has_of_its_own_is_not_known_beforehand(run: Run) -> None:
    beyond = set(run_row(run)) - set(known_schema().names)
    assert {name.partition("_")[0] for name in beyond} <= {"impairment", "calibration"}


def test_rows_in_several_chunks_are_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zcprobe.dataset.rows._CHUNK_ROWS", 2)
    rows: list[dict[str, Any]] = [{"run": f"r{number}", "impairment_x": number} for number in range(5)]
    table = runs_table(iter([*rows, {"run": "r5", "impairment_y": "slow"}]))
    assert table["run"].to_pylist() == ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert table["impairment_x"].to_pylist() == [0, 1, 2, 3, 4, None]
    assert table["impairment_y"].to_pylist() == [None] * 5 + ["slow"]


def test_without_runs_there_are_the_columns() -> None:
    assert runs_table([]).schema == known_schema()


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ([1, None], [0.5], [1.0, None, 0.5]),
        ([1], ["a"], ["1", "a"]),
        ([True], [1], ["true", "1"]),
        ([None], ["a"], [None, "a"]),
        ([None], [None], [None, None]),
    ],
)
def test_a_column_gets_a_type_that_holds_the_values_of_all(
    one: list[Any], other: list[Any], together: list[Any]
) -> None:
    joined = join_tables([pa.table({"a": one}), pa.table({"b": [7]}), pa.table({"a": other})])
    assert joined["a"].to_pylist() == [*together[: len(one)], None, *together[len(one) :]]


@pytest.mark.parametrize("value", ["many", 2**70, 0.5])
def test_a_value_of_another_kind_than_known_is_kept(value: Any) -> None:
    table = runs_table([{"run": "r", "sends": value}])
    assert str(table["sends"][0].as_py()) == str(value)
