"""What a sink says at the end of a stream, and what it should not."""

import socket
import time

import pytest

from zcprobe.answers import ask_sinks
from zcprobe.sink import SinkReport
from zcprobe.wire import encode_line

_REPORT = SinkReport(bytes=7)


def _answers(*said: bytes) -> list[SinkReport | None]:
    pairs = [socket.socketpair() for _ in said]
    try:
        for (_, theirs), words in zip(pairs, said, strict=True):
            theirs.sendall(words)
            theirs.shutdown(socket.SHUT_WR)
        return ask_sinks([ours for ours, _ in pairs], time.monotonic() + 5)
    finally:
        for end in sum(pairs, ()):
            end.close()


@pytest.mark.parametrize(
    "words",
    [b"", b"}\n", b'{"bytes": "x"}\n', b'{"x":' + b"[" * 5000 + b"}\n", b'{"x": "\xff', b'{"\xff": 1}}\n'],
    ids=["nothing", "no JSON", "no number", "too deep", "no end", "no text"],
)
def test_what_is_not_a_report_is_none_and_the_others_count(words: bytes) -> None:
    assert _answers(words, encode_line(_REPORT)) == [None, _REPORT]
