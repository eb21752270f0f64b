# SPDX-License-Identifier: GPL-2.0-only
"""One zerocopy channel that a notebook or a test drives step by step.

>>> channel, receiver = ZeroCopyChannel.pair("qemu-merged")
>>> channel.writev(b"x" * 65536)
65536
>>> receiver.recv(65536, socket.MSG_WAITALL) and channel.flush()
1
>>> channel.records("notifications")
"""

import os
import socket
from contextlib import ExitStack
from functools import partial
from typing import Any, Literal, Self, get_args

import numpy as np
import pandas as pd

from zcprobe.closable import Closable
from zcprobe.config import FlushVariant, RunConfig, WaitFor
from zcprobe.errors import HostError, UsageError
from zcprobe.format.tables import SENDER_TABLES, TABLES
from zcprobe.host.limits import read_optmem_max
from zcprobe.host.loopback import loopback_pair
from zcprobe.host.zerocopy import SO_ZEROCOPY, try_zerocopy_send
from zcprobe.native import ffi, lib
from zcprobe.native.recorder import Recorder
from zcprobe.native.settings import enum_value, fill_channel_config
from zcprobe.native.status import require_handle, require_os
from zcprobe.native.structs import struct_to_dict
from zcprobe.policies import PolicyParameters, find_policy

__all__ = ["Foreign", "ZeroCopyChannel"]

Foreign = Literal["skip", "error"]

_CHUNK_COUNT = 4096
_FOREVER_S = 86400.0
_CONNECT_S = 5.0


class ZeroCopyChannel(Closable):
    """QEMU's channel semantics over a connected socket, with any policy.

    The socket stays the caller's; SO_ZEROCOPY is set on it. Memory that was written stays referenced until `flush()`
    or `drain()` finds nothing in flight, because the kernel reads it until then.

    The error queue also holds what else the socket asked for: timestamps (SO_TIMESTAMPING), ICMP errors (IP_RECVERR).
    `foreign` says what to do with such an entry among the notifications. "skip" counts it and reads on: `counters` has
    `foreign_count`, and for the last one `foreign_origin` (ee_origin) and `foreign_error` (ee_errno). "error" raises
    OSError with its errno, as QEMU does; the entry has been read, so the next call continues after it.

    UsageError for an unknown policy or value of `foreign`; HostError if the kernel refuses SO_ZEROCOPY, or a recorder,
    its thread or its files cannot be made. Once closed, only `counters` works; everything else raises ValueError.
    """

    def __init__(
        self,
        connection: socket.socket,
        policy: str = "qemu-merged",
        *,
        parameters: PolicyParameters | None = None,
        flush_variant: FlushVariant | None = None,
        wait_for: WaitFor = "error",
        foreign: Foreign = "skip",
    ) -> None:
        chosen = find_policy(policy)
        if foreign not in get_args(Foreign):
            raise UsageError(f"foreign={foreign!r} is not known", f"choose from: {', '.join(get_args(Foreign))}")
        try:
            connection.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
        except OSError as error:
            raise HostError(f"SO_ZEROCOPY is refused: {error.strerror}", "give a TCP or UDP socket") from error
        self._connection = connection
        self._written: list[Any] = []
        self._config = ffi.new("struct zc_channel_config *")
        asked = RunConfig(
            policy=policy, parameters=parameters or chosen.defaults, deadline_s=_FOREVER_S, wait_for=wait_for
        )
        fill_channel_config(self._config, asked, flush_variant or chosen.flush_variant)
        self._config.fd = connection.fileno()
        self._config.optmem_max_bytes = read_optmem_max() or 0
        self._config.charge_bytes = try_zerocopy_send().charge_bytes
        self._config.buffer_fd = -1
        self._config.is_datagram = connection.type == socket.SOCK_DGRAM
        self._config.foreign = enum_value("zc_foreign", "ZC_FOREIGN_", foreign)
        # one record per chunk, so that each is in its file as soon as the writer thread sees it
        files = [partial(os.memfd_create, table.name) for table in SENDER_TABLES]
        self._recorder = Recorder(files, chunk_records=1, chunk_count=_CHUNK_COUNT)
        self._config.recorder = self._recorder.handle
        self._result = ffi.new("struct zc_result *")
        self._channel = lib.zc_channel_open(self._config, self._result)
        try:
            require_handle(self._channel, "the channel cannot be opened", "free some memory")
        except HostError:
            self._recorder.close()
            raise

    @classmethod
    def pair(cls, policy: str = "qemu-merged", **options: Any) -> tuple[Self, socket.socket]:
        """A channel over a TCP connection on loopback, and the socket at its other end."""
        sender, receiver = loopback_pair(_CONNECT_S)
        with ExitStack() as stack:
            for end in (sender, receiver):
                stack.callback(end.close)
                end.settimeout(None)
            sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            channel = cls(sender, policy, **options)
            stack.pop_all()
        return channel, receiver

    def writev(self, *parts: bytes | bytearray | memoryview, zerocopy: bool = True) -> int:
        """One sendmsg, which the policy may retry or copy. Returns the bytes accepted: a partial write is a success. An
        empty write does not count as a send on a stream; on a datagram socket it sends an empty datagram.

        BlockingIOError if a non-blocking socket is full; OSError for other errors, with ENOBUFS if the policy gave up.
        """
        buffers = [ffi.from_buffer(part) for part in parts]
        vector = ffi.new("struct zc_part[]", [(buffer, len(buffer)) for buffer in buffers])
        if zerocopy:
            self._written += buffers
        return require_os(lib.zc_channel_writev(self._opened(), vector, len(buffers), zerocopy))

    def flush(self) -> int:
        """Waits for every outstanding notification; returns 0 or 1 as the flush variant defines. OSError."""
        result = require_os(lib.zc_channel_flush(self._opened()))
        self._release()
        return result

    def drain(self) -> int:
        """Reads the notifications that are there now; returns how many sends they completed. OSError."""
        before = self.in_flight
        require_os(lib.zc_channel_drain(self._opened()))
        self._release()
        return before - self.in_flight

    def set_blocking(self, enabled: bool) -> None:
        """Sets QEMU's `blocking` field and the mode of the descriptor; until then the policy's own value counts for the
        field."""
        require_os(lib.zc_channel_set_blocking(self._opened(), enabled))

    @property
    def in_flight(self) -> int:
        """Number of sends whose notification has not been read."""
        return int(lib.zc_channel_in_flight(self._opened()))

    @property
    def counters(self) -> dict[str, int]:
        """Members of `struct zc_result` so far; those of a whole run (outcome, times) stay 0."""
        return struct_to_dict(self._result)

    def records(self, table: str) -> pd.DataFrame:
        """The table `sends`, `notifications`, `flushes`, `stalls`, `meminfo` or `tcp_info` so far.

        The columns are those of docs/run-format.md, as raw numbers.
        """
        names = [known.name for known in SENDER_TABLES]
        if table not in names:
            raise UsageError(f"there is no table {table!r}", f"tables: {', '.join(names)}")
        self._opened()
        self._recorder.sync()
        fd = self._recorder.fds[names.index(table)]
        content = os.pread(fd, os.fstat(fd).st_size, 0)
        return pd.DataFrame(np.frombuffer(content, TABLES[table].dtype))

    def close(self) -> None:
        """Frees the channel; the caller closes the connection. DataLossError if a record was lost."""
        if self._channel == ffi.NULL:
            return
        lib.zc_channel_close(self._channel)
        self._channel = ffi.NULL
        self._recorder.close_whole("write less at once, or on an idle machine")

    def _opened(self) -> Any:
        if self._channel == ffi.NULL:
            raise ValueError("the channel is closed")
        return self._channel

    def _release(self) -> None:
        if not self.in_flight:
            self._written.clear()
