# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

from tests.unit.changed import run_with
from zcprobe.dataset.load import Comparison, Run
from zcprobe.export.summary import summary_line, summary_rows
from zcprobe.units import format_duration_ns


def test_one_line_has_the_numbers_that_matter(run: Run) -> None:
    line = summary_line(run)
    assert "\n" not in line
    assert line.startswith(f"{run.folder.name}: {run.sender.outcome};")
    assert f" {run.sender.sends:,} sends;" in line
    assert f" {run.sender.enobufs_count:,} ENOBUFS" in line
    assert line.endswith(format_duration_ns(run.sender.duration_ns))


def test_what_no_probe_saw_is_not_claimed(shipped: dict[str, Comparison]) -> None:
    line = summary_line(shipped["no-probes"].runs[0])
    assert "(causes unknown)" in line
    assert "errqueue depth ?" in line


def test_causes_and_losses_are_named(shipped: dict[str, Comparison], tmp_path: Path) -> None:
    whole = shipped["held-completions"].runs_of("qemu-pre")[0]
    assert "1 ENOBUFS (1 optmem, 78% unread)" in summary_line(whole)
    lossy = run_with(whole, tmp_path, complete=False, results={"lost_events": 1009})
    assert summary_line(lossy).endswith("INCOMPLETE, 1,009 lost")


def test_what_is_missing_and_what_is_not_known_are_in_the_line(lossy: Comparison, silent: Comparison) -> None:
    assert "; datagrams 2,018 sent, 1,009 received, 1,009 missing (1.35 MiB);" in summary_line(lossy[0])
    assert "; goodput not known: the sink did not report;" in summary_line(silent[0])


def test_a_row_has_all_three_and_nothing_where_nobody_knows(lossy: Comparison, silent: Comparison) -> None:
    (batch,) = summary_rows(list(lossy)).batches
    row = batch.to_pylist()[0]
    assert [row[f"datagrams_{what}"] for what in ("sent", "received", "missing")] == [2018, 1009, 1009]
    assert row["bytes_missing"] == 1009 * 1400
    (batch,) = summary_rows(list(silent)).batches
    assert batch.to_pylist()[0]["goodput_bps"] is batch.to_pylist()[0]["bytes_missing"] is None
