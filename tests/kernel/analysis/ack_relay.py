# SPDX-License-Identifier: GPL-2.0-only
"""Carries acknowledgements from one TUN device to another, each a while after it came. A process of its own, so that it
does not wait for the sender's interpreter.

    python ack_relay.py FROM TO CONTROL

The words are open descriptors. A number of seconds on CONTROL sets the delay, and is answered by a byte. The end of
CONTROL ends the process.
"""

import os
import select
import sys
import time
from collections import deque
from contextlib import suppress

_PACKET_BYTES = 65536


def _carry(source: int, target: int, control: int) -> None:
    waiting: deque[tuple[float, bytes]] = deque()
    delay_s = 0.0
    poller = select.poll()
    for fd in (source, control):
        poller.register(fd, select.POLLIN)
    while True:
        while waiting and waiting[0][0] + delay_s <= time.monotonic():
            os.write(target, waiting.popleft()[1])
        left_ms = max(waiting[0][0] + delay_s - time.monotonic(), 0) * 1000 if waiting else None
        for fd, _ in poller.poll(left_ms):
            if fd == source:
                with suppress(BlockingIOError):
                    while True:
                        waiting.append((time.monotonic(), os.read(source, _PACKET_BYTES)))
            else:
                words = os.read(control, 64)
                if not words:
                    return
                delay_s = float(words)
                os.write(control, b"k")


if __name__ == "__main__":
    _carry(*map(int, sys.argv[1:]))
