# SPDX-License-Identifier: GPL-2.0-only
"""A spool of samples is an array of records of the table, as large as it may be."""

from pathlib import Path

import numpy as np

from tests.unit.attach.test_history import CHARGE, history, look
from zcprobe.attach.sampler import Sample
from zcprobe.attach.spool import SampleSpool
from zcprobe.format.tables import SAMPLE_TABLE
from zcprobe.recorder.spools import spool_path


def sample(sends: int) -> Sample:
    one = history(
        look(fd=7, next_send_id=5, optmem_bytes=3 * CHARGE, errqueue_depth=1, has_tail=1, tail_lo=2, tail_hi=4, state=1)
    )
    return Sample(history=one, time_ns=1 << 40, interval_ns=10**9, sends=sends, bytes_sent=1 << 33)


def test_records_lie_in_the_file_as_the_table_has_them(tmp_path: Path) -> None:
    with SampleSpool(spool_path(tmp_path, "samples").open("wb"), 1 << 20) as spool:
        spool.add([sample(-1), sample(23)])
    records = np.fromfile(spool_path(tmp_path, "samples"), SAMPLE_TABLE.dtype)
    assert records["sends"].tolist() == [-1, 23]
    first = records[0]
    assert (first["time_ns"], first["bytes_sent"], first["fd"], first["pid"]) == (1 << 40, 1 << 33, 7, 1)
    assert (first["in_flight_peak_bytes"], first["unread_peak_bytes"]) == (2 * CHARGE, CHARGE)
    assert (first["tail_lo"], first["tail_hi"], first["has_tail"], first["is_open"], first["state"]) == (2, 4, 1, 1, 1)


def test_what_finds_no_room_is_counted(tmp_path: Path) -> None:
    with SampleSpool(spool_path(tmp_path, "samples").open("wb"), 2 * SAMPLE_TABLE.dtype.itemsize + 1) as spool:
        spool.add([sample(1)] * 3)
        spool.add([sample(1)] * 2)
    assert (spool.kept, spool.beyond) == (2, 3)
    assert len(np.fromfile(spool_path(tmp_path, "samples"), SAMPLE_TABLE.dtype)) == 2


def test_a_copy_has_what_was_kept_by_a_moment(tmp_path: Path) -> None:
    with (tmp_path / "spool").open("w+b", buffering=0) as file, SampleSpool(file, 1 << 20) as spool:
        spool.add([sample(23)])
        kept = spool.kept
        spool.add([sample(29)])
        with spool_path(tmp_path, "samples").open("wb") as copy:
            spool.copy_to(copy, kept)
        spool.add([sample(31)])
    assert np.fromfile(spool_path(tmp_path, "samples"), SAMPLE_TABLE.dtype)["sends"].tolist() == [23]
    assert np.fromfile(tmp_path / "spool", SAMPLE_TABLE.dtype)["sends"].tolist() == [23, 29, 31]
