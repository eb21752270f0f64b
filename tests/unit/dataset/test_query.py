# SPDX-License-Identifier: GPL-2.0-only
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.unit.changed import run_with
from zcprobe.dataset.load import Comparison, RunCollection, load_collection, load_run, load_runs
from zcprobe.dataset.query import df_runs
from zcprobe.errors import HostError, OutputError, UsageError


def test_runs_and_their_tables_can_be_joined(shipped: dict[str, Comparison]) -> None:
    collection = shipped["held-completions"]
    counted = collection.query("select run, policy, count(*) as n from sends join runs using (run) group by all")
    assert counted.set_index("run")["n"].to_dict() == {run.folder.name: len(run.sends) for run in collection}


def test_one_row_per_run_with_what_was_in_force(shipped: dict[str, Comparison]) -> None:
    collection = shipped["in-flight"]
    table = df_runs(collection)
    assert table["run"].tolist() == [run.folder.name for run in collection]
    assert table["optmem_max_bytes"].tolist() == [run.kernel.optmem_max_bytes for run in collection]
    assert table["policy"].tolist() == [run.policy for run in collection]


def test_a_wrong_query_is_one_error(shipped: dict[str, Comparison]) -> None:
    for sql in ("select", "select nothing from runs", "select * from kernel_event"):
        with pytest.raises(UsageError, match="the query failed"):
            shipped["in-order"].query(sql)


def test_a_folder_with_a_quote_is_no_way_out(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    copied = shutil.copytree(shipped["in-order"].folder, tmp_path / "it's")
    assert len(load_collection(copied).query("select distinct run from sends")) == 3


def test_without_duckdb_it_says_what_to_install(
    shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(HostError) as caught:
        RunCollection(shipped["in-order"].runs).query("select 1")
    assert "zcprobe[sql]" in caught.value.hint


_NAMES = (
    "a[b]",
    "ab",
    "a*",
    "a?",
    "{ab,ax}",
    "it's",
    'a "b"',
    " a ",
    "a\nb",
    "a%62",
    "policy=x",
    "run=other",
    "~",
    "file:a",
    "s3:a",
    "#a?b=1",
    "\\a",
    "a\u202eb",
)


@pytest.fixture(scope="module")
def strangely_named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, each of another run's rows, whose names are patterns, addresses, partitions and quotes."""
    folder = tmp_path_factory.mktemp("results")
    runs = sorted(path.parent for path in (Path(__file__).parents[2] / "data" / "version_1").glob("*/*/run.json"))
    for number, name in enumerate(_NAMES):
        shutil.copytree(runs[number % len(runs)], folder / name)
    return folder


@pytest.mark.parametrize("name", _NAMES)
def test_a_name_is_a_name_whatever_it_looks_like(strangely_named: Path, name: str) -> None:
    run = load_run(strangely_named / name)
    table = RunCollection([run]).query("select run, count(*) as n from sends group by run")
    assert (table["run"].tolist(), table["n"].tolist()) == ([run.name], [len(run.sends)])
    assert [found.folder for found in load_runs(strangely_named / name)] == [strangely_named / name]
    assert run.name.isprintable()


def test_each_run_has_its_own_rows_among_all(strangely_named: Path) -> None:
    found = load_collection(strangely_named)
    assert len(found) == len(_NAMES)
    counted = found.query("select run, count(*) as n from kernel_events group by run").set_index("run")["n"].to_dict()
    assert counted == {run.name: len(run.kernel_events) for run in found if len(run.kernel_events)}


def test_a_page_that_is_not_as_written_is_an_error_of_the_query(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    run = load_run(shutil.copytree(shipped["digests"].folder, tmp_path / "c") / shipped["digests"].runs[0].folder.name)
    path = run.folder / "sends.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    run = run_with(run, files=None)  # as if it had no digests
    with pytest.raises(UsageError, match=r"the query failed: .*CRC"):
        RunCollection([run]).query("select sum(send_id) + sum(start_ns) + sum(latency_ns) from sends")


def test_a_name_that_is_no_text_is_one_error(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/bad\xff"
    shutil.copytree(os.fsencode(shipped["in-order"].runs[0].folder), folder)  # type: ignore[type-var, arg-type]
    run = load_run(os.fsdecode(folder))
    assert run.name == r"bad\udcff"
    with pytest.raises(OutputError, match="cannot read these runs"):
        RunCollection([run]).query("select count(*) from sends")


def test_no_table_is_opened_that_the_query_does_not_name(
    shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("zcprobe.dataset.query._add_table", lambda connection, name, runs: opened.append(name))
    collection = shipped["in-order"]
    assert collection.query("select count(*) as n from runs")["n"].tolist() == [len(collection)]
    collection.query("select sum(sends), sum(notifications) as stalls from runs group by policy")
    assert opened == []
    with pytest.raises(UsageError, match="the query failed"):
        collection.query("select * from Sends join runs using (run), (select 1 from STALLS)")
    assert opened == ["sends", "stalls"]


def test_a_query_can_ask_which_tables_there_are(shipped: dict[str, Comparison]) -> None:
    found = shipped["in-order"].query("show tables").iloc[:, 0].tolist()
    assert {"runs", "sends", "notifications", "kernel_events"} <= set(found)


def test_runs_has_a_column_for_every_cause(shipped: dict[str, Comparison]) -> None:
    collection = shipped["memlock"]
    counted = collection.query("select run, enobufs_causes_memlock as n, enobufs_causes_qdisc from runs")
    expected = {
        run.name: sum(n for cause, n in (run.kernel.enobufs_causes or {}).items() if "memlock" in cause)
        for run in collection
    }
    assert counted.set_index("run")["n"].to_dict() == expected
    assert sum(expected.values()) > 0
