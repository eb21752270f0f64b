"""Blocks of sends in this process."""

import os
import signal
import socket
import threading

import pytest

from zcprobe.campaign.connection import connected_lab, send_block
from zcprobe.native import ffi

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.usefixtures("nothing_left"),
]


def send_on(connection: socket.socket) -> None:
    while True:
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
