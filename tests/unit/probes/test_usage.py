# SPDX-License-Identifier: GPL-2.0-only
"""How a watched process uses a socket, from the members of the C struct."""

from typing import Any

import pytest

from zcprobe.probes.usage import socket_usage

SIZES = 24


def state_of(sizes: dict[int, int]) -> dict[str, Any]:
    """A state with so many sends of each size."""
    counts, sums = [0] * SIZES, [0] * SIZES
    for size, count in sizes.items():
        slot = min(size.bit_length() - 1, SIZES - 1)
        counts[slot] += count
        sums[slot] += count * size
    names = (
        *("inode", "protocol", "bytes_sent", "send_calls", "outstanding_max", "in_flight_peak_bytes"),
        *("unread_peak_bytes", "sends_per_uarg_max", "tail_lo", "tail_hi", "late_completions", "last_read_ns"),
        *("flushes", "flushes_waited", "flushes_in_vain", "flush_ns_max", "sends_of_others", "reads_of_others"),
    )
    empty = {"tid": 0, "tgid": 0, "comm": "", "sends": 0, "enobufs": 0, "notifications": 0}
    sender = {"tid": 8, "tgid": 7, "comm": "multifdsend_0", "sends": 3, "enobufs": 1}
    usage = dict.fromkeys(names, 0) | {
        "zerocopy_sends": sum(sizes.values()),
        "size_counts": counts,
        "size_bytes": sums,
        "senders": [sender, empty],
        "readers": [empty],
        "ends": {"local": [0x0100007F, 0], "remote": [0x0200000A, 0], "local_port": 80, "remote_port": 0x5C11},
        "family": 2,
    }
    return {"sk": 1, "cookie": 1 << 63, "next_send_id": 5, "usage": usage}


@pytest.mark.parametrize(
    ("sizes", "median"),
    [
        ({}, None),
        ({4096: 7}, 4096),
        ({5000: 3, 70: 2}, 5000),
        ({5000: 2, 70: 3}, 70),
        ({64: 1, 96: 1, 70000: 2}, 80),
        ({1 << 26: 3, 1: 1}, 1 << 26),
    ],
)
def test_the_median_is_that_of_the_sends_of_like_size(sizes: dict[int, int], median: int | None) -> None:
    assert socket_usage(state_of(sizes), {}).send_bytes_median == median


@pytest.mark.parametrize(
    ("family", "remote_port", "ends"),
    [
        (2, 0x5C11, ("127.0.0.1:80", "10.0.0.2:4444")),
        (2, 0, ("127.0.0.1:80", None)),
        (10, 0x5C11, ("[7f00:1::]:80", "[a00:2::]:4444")),
        (40, 0, (None, None)),
    ],
)
def test_the_ends_are_told_as_text(family: int, remote_port: int, ends: tuple[str | None, str | None]) -> None:
    state = state_of({})
    state["usage"]["family"] = family
    state["usage"]["ends"]["remote_port"] = remote_port
    usage = socket_usage(state, {})
    assert (usage.local, usage.remote) == ends


def test_places_without_a_thread_are_left_out() -> None:
    usage = socket_usage(state_of({4096: 3}) | {}, {2: 9})
    assert [(sender.tid, sender.tgid, sender.comm) for sender in usage.senders] == [(8, 7, "multifdsend_0")]
    assert usage.readers == []
    assert usage.holders == {2: 9}
    assert usage.plain_sends == 0
