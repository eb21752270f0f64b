# SPDX-License-Identifier: GPL-2.0-only
"""Lines for a reader that reads, that reads late, that does not read, and that has gone."""

import io
import os
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from zcprobe.cli import line_queue as module
from zcprobe.cli.line_queue import LineQueue

LINE = "a line of 64 characters".ljust(63) + "\n"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 1 << 16)
    monkeypatch.setattr(module, "_STUCK_S", 0.2)


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, LineQueue]]:
    """A reading end, and a queue for the writing end."""
    end, start = os.pipe()
    writer = io.TextIOWrapper(io.FileIO(start, "w"), "ascii")  # type: ignore[arg-type]  # unbuffered
    with writer, open(end, "rb") as reader:  # closing the reader ends a thread that still writes
        yield reader, LineQueue(writer)


def test_nothing_waits_for_a_reader_that_does_not_read(pipe: tuple[BinaryIO, LineQueue]) -> None:
    _, queue = pipe
    began_s = time.monotonic()
    for _ in range(10000):
        queue.write(LINE)
    queue.finish(lambda: True)
    assert time.monotonic() - began_s < 5
    assert queue.unwritten
    # the pipe has 64 KiB, and so has the queue
    assert 10000 - 2 * 1024 <= queue.dropped <= 10000 - 2 * 1024 + 128


def test_a_late_reader_gets_whole_lines_and_the_end(pipe: tuple[BinaryIO, LineQueue]) -> None:
    reader, queue = pipe
    for _ in range(3000):
        queue.write(LINE)
    queue.is_ending = True
    queue.write("the end " * 1000 + "\n")
    lines: list[bytes] = []

    def read() -> None:
        while not lines or not lines[-1].startswith(b"the end"):
            lines.append(reader.readline())

    reading = threading.Thread(target=read)
    reading.start()
    queue.finish(lambda: True)
    reading.join()
    assert not queue.unwritten
    assert set(lines[:-1]) == {LINE.encode()}
    assert len(lines) - 1 + queue.dropped == 3000
    assert queue.dropped > 0
    assert lines[-1] == b"the end " * 1000 + b"\n"


def test_a_reader_that_reads_loses_nothing(pipe: tuple[BinaryIO, LineQueue]) -> None:
    reader, queue = pipe
    count = 20000
    lines: list[bytes] = []
    reading = threading.Thread(target=lambda: lines.extend(reader.readline() for _ in range(count)))
    reading.start()
    for number in range(count):
        queue.write(f"line {number} é\n")
    queue.finish(lambda: False)
    reading.join()
    assert queue.dropped == 0
    assert lines == [f"line {number} \\xe9\n".encode() for number in range(count)]


def test_a_reader_that_has_gone_is_told_by_the_next_line(pipe: tuple[BinaryIO, LineQueue]) -> None:
    reader, queue = pipe
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), reader.fileno())  # closes it
    queue.write(LINE)
    with pytest.raises(BrokenPipeError):
        queue.finish(lambda: False)
    with pytest.raises(BrokenPipeError):
        queue.write(LINE)


def test_half_a_line_waits_for_its_end(pipe: tuple[BinaryIO, LineQueue]) -> None:
    reader, queue = pipe
    print("a", "b", file=queue, end="", flush=True)
    queue.finish(lambda: False)
    print(" c", file=queue)
    assert reader.readline() == b"a b c\n"
