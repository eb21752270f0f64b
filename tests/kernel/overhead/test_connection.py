# SPDX-License-Identifier: GPL-2.0-only
"""A connection that makes blocks of sends in this process."""

import os
import signal
import socket
import threading

import pytest

from zcprobe.native import ffi
from zcprobe.overhead.connection import connected_lab, send_block

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.usefixtures("nothing_left"),
]


def send_on(connection: socket.socket) -> None:
    for _ in range(50):
        send_block(connection, 65536, ffi.NULL)


def test_ctrl_c_ends_a_block_and_is_heard_between_blocks() -> None:
    with connected_lab() as (_, connection):
        send_block(connection, 65536, ffi.NULL)
        assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
        timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGINT,))
        timer.daemon = True
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            send_on(connection)
        timer.join()


def test_who_answers_signals_hears_of_one_that_the_loop_has_taken() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    try:
        with connected_lab() as (_, connection):
            timer = threading.Timer(0.05, signal.raise_signal, (signal.SIGTERM,))
            timer.daemon = True
            timer.start()
            with pytest.raises(KeyboardInterrupt) as told:
                send_on(connection)
            timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]
    assert told.value.args == (signal.SIGTERM,)
