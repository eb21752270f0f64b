# SPDX-License-Identifier: GPL-2.0-only
"""The pipeline without probes: what it asks a subject for, and what it makes of the answers."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from zcprobe.format.findings import Finding
from zcprobe.format.metadata import Kind, Recording
from zcprobe.format.tables import TABLES
from zcprobe.interrupt import Interruption
from zcprobe.probes.measurement import Target
from zcprobe.recorder.pipeline import Measured, WatchedSocket, record
from zcprobe.recorder.reconcile import equal
from zcprobe.recorder.record_limit import RecordLimit
from zcprobe.recorder.spools import spool_path
from zcprobe.recorder.totals import EventTotals
from zcprobe.wire import ChannelReport, SenderReport

COUNT = 23
COOKIE = 77
WATCHED = WatchedSocket(
    cookie=COOKIE,
    optmem_max_bytes=131072,
    optmem_baseline_bytes=48,
    optmem_peak_bytes=880,
    charge_bytes=832,
    sends_in_flight=0,
)


class Scripted:
    """Leaves a spool of sends, and notes in which order it is asked."""

    kind: Kind = "benchmark"

    def __init__(self, folder: Path, *, found: int = COUNT, made: int = COUNT) -> None:
        self.asked: list[str] = []
        self._folder = folder
        self._found = found
        self._made = made

    def target(self) -> Target:
        self.asked.append("target")
        return Target(1)

    def run(self, interruption: Interruption) -> None:
        self.asked.append("run")
        sends = np.zeros(COUNT, TABLES["sends"].dtype)
        sends["send_id"] = np.arange(COUNT)
        sends.tofile(spool_path(self._folder, "sends"))

    def look_back(self) -> None:
        self.asked.append("look_back")

    def sockets(self) -> list[WatchedSocket]:
        self.asked.append("sockets")
        return [WATCHED]

    def counts(self) -> SenderReport:
        self.asked.append("counts")
        return SenderReport([ChannelReport("completed", {}, 0, None, records=[self._made], kept=[COUNT])])

    def findings(self, totals: list[EventTotals]) -> list[Finding]:
        self.asked.append("findings")
        assert totals == []
        return [equal("sends", COUNT, self._found)]

    def describe(self, measured: Measured) -> Recording:
        self.asked.append("describe")
        return measured.recording


def recorded(subject: Scripted, folder: Path) -> Recording:
    return record(
        subject,
        None,
        folder,
        Interruption(),
        run_id="scripted",
        started_utc="2026-01-02T03:04:05+00:00",
        limit=RecordLimit(1 << 20, 0),
    )


def test_a_subject_is_asked_for_each_thing_once_and_in_order(tmp_path: Path) -> None:
    subject = Scripted(tmp_path)
    recorded(subject, tmp_path)
    assert subject.asked == ["target", "run", "look_back", "sockets", "findings", "counts", "describe"]


def test_the_folder_holds_the_tables_and_what_run_json_says_of_them(tmp_path: Path) -> None:
    told = recorded(Scripted(tmp_path), tmp_path)
    assert pq.read_table(tmp_path / "sends.parquet").column("send_id").to_pylist() == list(range(COUNT))
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", "sends.parquet"}
    written = msgspec.json.decode((tmp_path / "run.json").read_bytes())
    assert (written["kind"], written["complete"], written["rows"]) == ("benchmark", True, {"sends": COUNT})
    assert written["cookies"] == told.cookies == [COOKIE]
    assert set(written["files"]) == {"sends.parquet"}
    kernel = written["kernel"]
    levels = ("optmem_max_bytes", "optmem_baseline_bytes", "optmem_peak_bytes", "charge_bytes")
    assert [kernel[name] for name in levels] == [131072, 48, 880, 832]
    assert (kernel["enobufs_causes"], kernel["lost_events"], written["sender"]) == (None, 0, None)
    assert (told.probes, told.sockets, told.rows_beyond_limit, told.warnings) == ({}, [], {}, [])


@pytest.mark.parametrize(("found", "complete"), [(COUNT, True), (COUNT - 1, False)])
def test_a_run_is_complete_when_every_finding_holds(found: int, complete: bool, tmp_path: Path) -> None:
    assert recorded(Scripted(tmp_path, found=found), tmp_path).complete is complete


def test_what_the_limit_left_out_is_counted_and_told(tmp_path: Path) -> None:
    told = recorded(Scripted(tmp_path, made=COUNT + 2), tmp_path)
    assert told.rows_beyond_limit == {"sends": 2}
    assert [warning.id for warning in told.warnings] == ["records-limited"]
    assert "1 MiB" in told.warnings[0].text
