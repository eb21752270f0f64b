# SPDX-License-Identifier: GPL-2.0-only
"""What is read of a file of events while it is written."""

from pathlib import Path

from zcprobe.attach.event_file import EVENT_BYTES, EventFile


def test_whole_events_are_read_once_in_their_order() -> None:
    file = EventFile()
    forgotten: list[int] = []
    first, second = (bytes([letter]) * EVENT_BYTES for letter in b"ab")
    with file.path.open("wb", buffering=0) as written:
        written.write(first + second[:7])
        assert file.read(forgotten.append) == first
        assert file.read(forgotten.append) == b""
        written.write(second[7:])
        assert file.read(forgotten.append) == second
    file.close()
    assert forgotten == [1, 1]


def test_very_many_are_read_in_parts() -> None:
    file = EventFile()
    count = 3 * (1 << 20) // EVENT_BYTES
    file.path.write_bytes(b"x" * count * EVENT_BYTES)
    parts: list[int] = []
    while file.read(parts.append):
        pass
    file.close()
    assert sum(parts) == count
    assert max(parts) * EVENT_BYTES <= 1 << 20


def test_a_file_of_a_run_folder_keeps_what_was_read(tmp_path: Path) -> None:
    file = EventFile(tmp_path / "events", 1 << 20)
    file.path.write_bytes(b"x" * EVENT_BYTES)
    forgotten: list[int] = []
    assert len(file.read(forgotten.append)) == EVENT_BYTES
    file.close()
    assert not forgotten
    assert file.path.stat().st_size == EVENT_BYTES
