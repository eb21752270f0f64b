# SPDX-License-Identifier: GPL-2.0-only
"""Refusals are lines for a person, and never more than a person can read."""

import os

import pytest

from zcprobe.sink.refusals import LINES_PER_INTERVAL, Refusals


def read(fd: int) -> list[str]:
    os.set_blocking(fd, False)
    try:
        return os.read(fd, 1 << 20).decode().splitlines()
    except BlockingIOError:
        return []


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_flood_is_some_lines_and_a_count() -> None:
    reader, writer = os.pipe()
    clock = Clock()
    refusals = Refusals(writer, clock)
    for number in range(1009):
        refusals.tell(f"refused {number}")
    assert read(reader) == [f"refused {number}" for number in range(LINES_PER_INTERVAL)]
    clock.now_s = 1.0
    refusals.tick()
    assert read(reader) == [f"zcprobe: and {1009 - LINES_PER_INTERVAL} more lines like these"]
    refusals.tell("the next")
    refusals.close()
    assert read(reader) == ["the next"]


@pytest.mark.parametrize("broken", [False, True])
def test_it_never_waits_for_a_reader(broken: bool) -> None:
    """A pipe that is full, or that has no reader any more."""
    reader, writer = os.pipe()
    if broken:
        os.close(reader)
    os.set_blocking(writer, False)
    try:
        while not broken:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writer, True)
    refusals = Refusals(writer)
    for _ in range(23):
        refusals.tell("x" * 9000)
    refusals.close()
    if not broken:
        assert all(set(line) == {"x"} for line in read(reader))
        refusals.close()
        assert read(reader) == ["zcprobe: and 23 more lines like these"]


def test_a_line_stays_one_that_a_pipe_takes_whole() -> None:
    reader, writer = os.pipe()
    Refusals(writer).tell("ä" * 9000)
    assert len(os.read(reader, 1 << 20)) == 4096
