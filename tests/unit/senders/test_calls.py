# SPDX-License-Identifier: GPL-2.0-only
"""What strace writes is counted, also where two threads' calls are mixed."""

from tests.senders.calls import LARGEST_SEND_BYTES, Counts, count_calls, read_calls

_WHOLE = f"""\
701 12:00:00.000001 sendmsg(27, {{msg_name=NULL, msg_iovlen=1}}, 0) = 1344 <0.000020>
701 12:00:00.000002 sendmsg(27, {{msg_name=NULL, msg_iovlen=128}}, MSG_ZEROCOPY) = {LARGEST_SEND_BYTES} <0.000200>
701 12:00:00.000003 sendmsg(27, {{msg_iovlen=1}}, MSG_ZEROCOPY) = 4096 <0.000200>
701 12:00:00.000004 recvmsg(27, {{msg_controllen=48}}, MSG_ERRQUEUE) = 0 <0.000003>
701 12:00:00.000005 recvmsg(9, {{msg_controllen=0}}, 0) = 32 <0.000003>
"""


def test_each_kind_of_call_is_counted_by_thread() -> None:
    counts = count_calls(read_calls(_WHOLE.splitlines()))
    expected = Counts(
        sends=2, plain_sends=1, largest_sends=1, notifications_read=1, bytes_sent=1344 + LARGEST_SEND_BYTES + 4096
    )
    assert counts == {701: expected}


def test_a_refused_call_on_two_lines_is_counted_for_its_own_thread() -> None:
    lines = """\
701 12:00:00.000001 sendmsg(27, {msg_iovlen=128}, MSG_ZEROCOPY <unfinished ...>
702 12:00:00.000002 sendmsg(28, {msg_iovlen=128}, MSG_ZEROCOPY <unfinished ...>
701 12:00:00.000003 <... sendmsg resumed>) = -1 ENOBUFS (No buffer space available) <0.000100>
702 12:00:00.000004 <... sendmsg resumed>) = 524288 <0.000100>
"""
    counts = count_calls(read_calls(lines.splitlines()))
    assert (counts[701].enobufs, counts[701].sends) == (1, 0)
    assert (counts[702].enobufs, counts[702].sends) == (0, 1)


def _flush(*between: str) -> int:
    refused = "701 12:00:00.000001 sendmsg(27, {msg_iovlen=128}, MSG_ZEROCOPY) = -1 ENOBUFS (No buffer space) <0.0001>"
    lines = [refused, *(f"701 12:00:00.000002 {call}" for call in between), refused]
    return count_calls(read_calls(lines))[701].unwaited_flushes


_EMPTY = "recvmsg(27, {}, MSG_ERRQUEUE) = -1 EAGAIN (Resource temporarily unavailable) <0.000002>"


def test_a_flush_did_not_wait_if_it_read_to_the_end_and_did_not_poll() -> None:
    assert _flush(_EMPTY) == 1
    assert _flush("recvmsg(27, {}, MSG_ERRQUEUE) = 0 <0.000002>", _EMPTY) == 1
    assert _flush(_EMPTY, "poll([{fd=27, events=POLLERR}], 1, -1) = 1 ([{fd=27, revents=POLLERR}]) <0.01>") == 0
    assert _flush("recvmsg(27, {}, MSG_ERRQUEUE) = 0 <0.000002>") == 0
    assert _flush() == 0


def test_a_refusal_after_an_accepted_send_is_one_of_its_own() -> None:
    accepted = "sendmsg(27, {msg_iovlen=128}, MSG_ZEROCOPY) = 524288 <0.0001>"
    assert _flush(_EMPTY, accepted) == 0
