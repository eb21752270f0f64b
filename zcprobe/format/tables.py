# SPDX-License-Identifier: GPL-2.0-only
"""The tables of a run folder: their columns, the type of each, and the words for columns that hold codes.

A record has the layout in which the C core and the probes write it, so a spool file is an array of records. A test
compares the layouts given here with the C structs. Samples alone are written by Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EVENT_TABLE", "SAMPLE_TABLE", "SENDER_TABLES", "TABLES", "Table"]


class Table(msgspec.Struct, frozen=True):
    """One table. `members`: name -> numpy type of each member of a record, in memory order; the member `reserved` does
    not become a column. `flags`: columns that are bool. `enums`: column -> code -> word."""

    name: str
    members: dict[str, str]
    flags: tuple[str, ...] = ()
    enums: dict[str, dict[int, str]] = {}

    @property
    def columns(self) -> list[str]:
        return [name for name in self.members if name != "reserved"]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The type of a record, with the padding that a C compiler puts between its members."""
        import numpy as np  # slow, and not needed to know which tables there are

        return np.dtype(list(self.members.items()), align=True)


SENDER_TABLES = (
    Table(
        "sends",
        {
            "send_id": "u8",
            "start_ns": "i8",
            "latency_ns": "i8",
            "asked_bytes": "u4",
            "taken_bytes": "u4",
            "attempt_count": "u4",
            "enobufs_count": "u4",
            "error": "i4",
            "channel": "u2",
            "zerocopy": "u1",
            "copied_on_purpose": "u1",
        },
        flags=(
            "zerocopy",
            "copied_on_purpose",
        ),
    ),
    Table(
        "notifications",
        {
            "time_ns": "i8",
            "lo": "u8",
            "hi": "u8",
            "flush_index": "u4",
            "channel": "u2",
            "copied": "u1",
            "origin": "u1",
        },
        flags=("copied",),
    ),
    Table(
        "flushes",
        {
            "start_ns": "i8",
            "duration_ns": "i8",
            "completion_count": "u8",
            "notification_count": "u4",
            "wait_count": "u4",
            "spurious_count": "u4",
            "result": "i4",
            "channel": "u2",
            "trigger": "u1",
            "blocking": "u1",
        },
        flags=("blocking",),
        enums={"trigger": {0: "enobufs", 1: "explicit", 2: "settle", 3: "periodic", 4: "reuse"}},
    ),
    Table(
        "meminfo",
        {
            "time_ns": "i8",
            "in_flight": "u8",
            "optmem_bytes": "u4",
            "wmem_queued_bytes": "u4",
            "wmem_alloc_bytes": "u4",
            "channel": "u2",
            "reason": "u1",
            "reserved": "u1",
        },
        enums={"reason": {0: "baseline", 1: "periodic", 2: "enobufs", 3: "flushed", 4: "end", 5: "policy"}},
    ),
    Table(
        "rounds",
        {
            "start_ns": "i8",
            "duration_ns": "i8",
            "bytes": "u8",
            "round": "u4",
            "page_count": "u4",
            "zero_page_count": "u4",
            "flush_result": "i4",
            "channel": "u2",
            "is_final": "u1",
            "reserved": "u1",
        },
        flags=("is_final",),
    ),
    Table(
        "requests",
        {
            "start_ns": "i8",
            "latency_ns": "i8",
            "bytes": "u4",
            "channel": "u2",
            "zerocopy": "u1",
            "reserved": "u1",
        },
        flags=("zerocopy",),
    ),
    Table(
        "stalls",
        {
            "start_ns": "i8",
            "duration_ns": "i8",
            "completion_count": "u8",
            "notification_count": "u4",
            "enobufs_count": "u4",
            "result": "i4",
            "channel": "u2",
            "reserved": "u2",
        },
    ),
    Table(
        "tcp_info",
        {
            "time_ns": "i8",
            "rtt_ns": "i8",
            "rtt_var_ns": "i8",
            "rtt_min_ns": "i8",
            "cwnd_bytes": "u8",
            "delivery_rate_bps": "u8",
            "retransmit_count": "u4",
            "channel": "u2",
            "app_limited": "u1",
            "reserved": "u1",
        },
        flags=("app_limited",),
    ),
)
"""The tables that the sender records, in the order of enum zc_stream_index."""

EVENT_TABLE = Table(
    "kernel_events",
    {
        "time_ns": "u8",
        "cookie": "u8",
        "lo": "u4",
        "hi": "u4",
        "optmem_bytes": "u4",
        "optmem_before_bytes": "u4",
        "optmem_peak_bytes": "u4",
        "optmem_max_bytes": "u4",
        "errqueue_depth": "u4",
        "charge_bytes": "u4",
        "next_send_id": "u4",
        "memlock_locked_pages": "u4",
        "memlock_limit_pages": "u4",
        "send_result": "i4",
        "stack_id": "i4",
        "thread_id": "u4",
        "kind": "u1",
        "copied": "u1",
        "candidates": "u1",
        "evidence": "u1",
        "cpu": "u4",
    },
    flags=("copied",),
    enums={
        "kind": {
            1: "appended",
            2: "merged",
            3: "read",
            4: "purged",
            5: "discarded",
            6: "refused",
            7: "enobufs",
            8: "closed",
            9: "sent",
            10: "charged",
            11: "extended",
            12: "copied",
        }
    },
)

SAMPLE_TABLE = Table(
    "samples",
    {
        "time_ns": "i8",
        "interval_ns": "i8",
        "sends": "i8",
        "bytes_sent": "u8",
        "socket": "u4",
        "pid": "u4",
        "fd": "u4",
        "optmem_bytes": "u4",
        "optmem_peak_bytes": "u4",
        "optmem_max_bytes": "u4",
        "charge_bytes": "u4",
        "in_flight_peak_bytes": "u4",
        "unread_peak_bytes": "u4",
        "errqueue_depth": "u4",
        "errqueue_depth_max": "u4",
        "tail_lo": "u4",
        "tail_hi": "u4",
        "state": "u1",
        "has_tail": "u1",
        "is_open": "u1",
        "reserved": "u1",
    },
    flags=("has_tail", "is_open"),
    enums={
        "state": {
            0: "unknown",
            1: "ESTAB",
            2: "SYN-SENT",
            3: "SYN-RECV",
            4: "FIN-WAIT-1",
            5: "FIN-WAIT-2",
            6: "TIME-WAIT",
            7: "UNCONN",
            8: "CLOSE-WAIT",
            9: "LAST-ACK",
            10: "LISTEN",
            11: "CLOSING",
            12: "SYN-RECV",
        }
    },
)
"""One row per socket and interval of an attachment. The states are the kernel's, under the names that `ss` has."""

TABLES: dict[str, Table] = {table.name: table for table in (*SENDER_TABLES, EVENT_TABLE, SAMPLE_TABLE)}
