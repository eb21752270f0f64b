# SPDX-License-Identifier: GPL-2.0-only
"""A sender in plain Python, as a process: ADDRESS PORT COUNT BYTES [zerocopy]

It starts when it has read a line, says what it has done as a JSON object on a line, and ends when it has read another
one. On ENOBUFS it reads the error queue, waits for more if that was empty, and tries again. It imports nothing of
zcprobe's, so it counts for itself.
"""

import errno
import json
import select
import socket
import struct
import sys

_SO_ZEROCOPY, _MSG_ZEROCOPY = 60, 0x4000000
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""struct sock_extended_err: errno, origin, type, code, padding, info (first send), data (last send)."""

_COPIED = 1


class Sender:
    """Counts what it does with one socket."""

    def __init__(self, connection: socket.socket, *, zerocopy: bool) -> None:
        self._socket = connection
        self._flags = _MSG_ZEROCOPY if zerocopy else 0
        if zerocopy:
            connection.setsockopt(socket.SOL_SOCKET, _SO_ZEROCOPY, 1)
        self.counts = {"sends": 0, "bytes_sent": 0, "enobufs": 0, "notifications_read": 0, "completions_read": 0}
        self.counts["copied_true"] = 0

    def send(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            try:
                length = self._socket.sendmsg([rest], [], self._flags)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.counts["enobufs"] += 1
                self._make_room()
                continue
            self.counts["sends"] += 1
            self.counts["bytes_sent"] += length
            rest = rest[length:]

    def _make_room(self) -> None:
        if not self.read_notifications():
            self._wait()
            self.read_notifications()

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._socket, 0)  # an error is always told
        poll.poll(1000)

    def read_notifications(self) -> int:
        """Reads the error queue until it is empty; the number of notifications."""
        count = 0
        while True:
            try:
                _, ancillary, _, _ = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except BlockingIOError:
                return count
            _, _, _, code, _, low, high = _EXTENDED_ERROR.unpack_from(ancillary[0][2])
            covered = ((high - low) & 0xFFFFFFFF) + 1
            count += 1
            self.counts["notifications_read"] += 1
            self.counts["completions_read"] += covered
            self.counts["copied_true"] += covered if code & _COPIED else 0

    def settle(self) -> None:
        """Waits until every send is completed."""
        while self._flags and self.counts["completions_read"] < self.counts["sends"]:
            if not self.read_notifications():
                self._wait()


def main(address: str, port: str, count: str, length: str, *rest: str) -> None:
    with socket.create_connection((address, int(port))) as connection:
        sender = Sender(connection, zerocopy="zerocopy" in rest)
        sys.stdin.readline()
        content = bytes(int(length))
        for _ in range(int(count)):
            sender.send(content)
        sender.settle()
        print(json.dumps(sender.counts), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
