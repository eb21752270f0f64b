# SPDX-License-Identifier: GPL-2.0-only
"""What people read of an attachment."""

import io
import time
from typing import Any
from unittest.mock import Mock

from zcprobe.attach.refusals import Refusal
from zcprobe.cli.attach_text import TextPrinter
from zcprobe.format.attachment import AttachmentSummary, SocketSummary, UringSummary


def refusal(**members: Any) -> Refusal:
    known: dict[str, Any] = {
        "time_ns": 1,
        "pid": 812,
        "tid": 815,
        "comm": "multifdsend_0",
        "socket": 0,
        "fd": 27,
        "local": "10.0.0.1:40000",
        "remote": "10.0.0.2:4444",
        "cause": "optmem",
        "in_flight_bytes": 79872,
        "unread_bytes": 50752,
        "optmem_bytes": 130624,
        "optmem_max_bytes": 131072,
        "errqueue_depth": 61,
    }
    return Refusal(**known | members)


def told(*calls: Refusal, count: int, wide: bool = False) -> list[str]:
    """The lines of one interval."""
    file = io.StringIO()
    printer = TextPrinter(file, timestamp=False, wide=wide)
    printer.refusals.tell(list(calls), count)
    printer.interval([])
    return file.getvalue().splitlines()


def test_a_refused_call_is_one_line() -> None:
    (line,) = told(refusal(), count=1)
    assert line == "* multifdsend_0 got ENOBUFS on fd 27 (optmem): in flight 79872, unread 50752"


def test_what_was_not_seen_is_not_made_up() -> None:
    (line,) = told(refusal(comm=None, fd=None, in_flight_bytes=None), count=1)
    assert line == "* thread 815 got ENOBUFS on fd - (optmem): in flight -, unread 50752"


def test_of_many_refused_calls_the_rest_are_counted() -> None:
    file = io.StringIO()
    printer = TextPrinter(file, timestamp=False, wide=False)
    assert printer.refusals.most == 4
    for _ in range(3):
        printer.refusals.tell([refusal()] * 4, 1000)
    printer.interval([])
    printer.interval([])
    lines = file.getvalue().splitlines()
    assert len(lines) == 5
    assert lines[-1] == "* and 2,996 more send calls got ENOBUFS"


def test_the_wide_line_names_the_thread_and_the_other_end() -> None:
    text = " ".join(told(refusal(), count=1, wide=True))
    assert "multifdsend_0 (815) got ENOBUFS on fd 27 to 10.0.0.2:4444 (optmem): optmem 130624 of 131072" in text


def test_with_time_of_day_a_refused_call_has_its_own() -> None:
    file = io.StringIO()
    TextPrinter(file, timestamp=True, wide=False).refusals.tell(
        [refusal(time_ns=time.monotonic_ns() - 3600 * 10**9)], 1
    )
    around = {time.strftime("%H:%M:%S", time.localtime(time.time() - 3600 + more)) for more in (-1, 0, 1)}
    assert file.getvalue().split()[1] in around


def ended(uring: UringSummary | None = None, *sockets: SocketSummary) -> str:
    """What is said at the end of an attachment to a process with these zerocopy sockets."""
    file = io.StringIO()
    sampler = Mock(other_counts={"tcp": 1}, others=[], look_count=1, look_ns_max=1, forgotten_sockets=0)
    summary = AttachmentSummary(
        detail="causes", duration_ns=1, sockets=list(sockets), threads=[], processes=[], uring=uring, findings=[]
    )
    TextPrinter(file, timestamp=False, wide=False).end(sampler, summary)
    return " ".join(file.getvalue().split())


def test_what_io_uring_sent_is_told() -> None:
    told = ended(UringSummary(requests=7, notifications=6, copied_true=5, delay_median_ns=2_000_000, cq_overflows=4))
    assert "Zerocopy requests of io_uring: 7; their notifications: 6" in told
    assert "No optmem is involved." in told
    assert "No socket uses zerocopy" not in told


def test_without_a_request_it_says_whether_io_uring_was_watched() -> None:
    assert "nothing was sent by io_uring's zerocopy" in ended(UringSummary(requests=0, notifications=0))
    assert "io_uring's zerocopy sends do not show here" in ended(None)


def test_a_socket_whose_only_calls_were_refused_is_listed() -> None:
    refused = SocketSummary(remote="10.0.0.2:4444", protocol="tcp", sends=0, enobufs=1, enobufs_causes={"qdisc": 1})
    told = ended(None, refused)
    assert "10.0.0.2:4444" in told
    assert "No socket uses zerocopy" not in told
    assert "No finding speaks for these refused calls: 1 qdisc." in told


def test_sockets_that_are_left_out_of_the_summary_are_counted() -> None:
    sockets = [SocketSummary(fd=number, protocol="tcp", sends=1) for number in range(67)]
    assert "... and 3 more (-w shows all)" in ended(None, *sockets)
    assert "more (-w" not in ended(None, *sockets[:64])


def test_a_sender_with_a_finding_is_told_what_it_needs() -> None:
    full: dict[str, Any] = {
        "optmem_peak_bytes": 130624,
        "optmem_max_bytes": 131072,
        "charge_bytes": 832,
        "send_bytes_median": 65536,
    }
    refused = SocketSummary(protocol="tcp", sends=9, enobufs=1, errqueue_depth_max=80, flushes=0, **full)
    assert "needs: No limit is enough. With net.core.optmem_max of" in ended(None, refused)


def test_what_a_sender_needs_is_not_made_up() -> None:
    refused = SocketSummary(protocol="tcp", sends=9, enobufs=1, enobufs_causes={"qdisc": 1})
    assert "needs:" not in ended(None, refused)
