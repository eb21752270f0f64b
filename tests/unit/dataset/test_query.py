import shutil
import sys
from pathlib import Path

import pytest

from zcprobe.dataset.load import Campaign, Comparison, load_campaign
from zcprobe.dataset.query import df_runs
from zcprobe.errors import HostError, UsageError


def test_runs_and_their_tables_can_be_joined(shipped: dict[str, Comparison]) -> None:
    campaign = shipped["held-completions"]
    counted = campaign.query("select run, policy, count(*) as n from sends join runs using (run) group by all")
    assert counted.set_index("run")["n"].to_dict() == {run.folder.name: len(run.sends) for run in campaign}


def test_one_row_per_run_with_what_was_in_force(shipped: dict[str, Comparison]) -> None:
    campaign = shipped["in-flight"]
    table = df_runs(campaign)
    assert table["run"].tolist() == [run.folder.name for run in campaign]
    assert table["optmem_max_bytes"].tolist() == [run.summary["optmem_max_bytes"] for run in campaign]
    assert table["policy"].tolist() == [run.policy for run in campaign]


def test_a_wrong_query_is_one_error(shipped: dict[str, Comparison]) -> None:
    for sql in ("select", "select nothing from runs", "select * from kernel_event"):
        with pytest.raises(UsageError, match="the query failed"):
            shipped["in-order"].query(sql)


def test_a_folder_with_a_quote_is_no_way_out(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    copied = shutil.copytree(shipped["in-order"].folder, tmp_path / "it's")
    assert len(load_campaign(copied).query("select distinct run from sends")) == 3


def test_without_duckdb_it_says_what_to_install(
    shipped: dict[str, Comparison], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(HostError) as caught:
        Campaign(shipped["in-order"].runs).query("select 1")
    assert "zcprobe[campaign]" in caught.value.hint
