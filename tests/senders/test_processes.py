# SPDX-License-Identifier: GPL-2.0-only
"""Senders of other kinds, watched from outside: what attach says of them is what they counted themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.senders.attached import attached, look_once
from tests.senders.path import MigrationPath, migration_path
from tests.senders.processes import PYTHON_SENDER, receiver, sender_process, uring_sender
from zcprobe.dataset.load import Attachment, load
from zcprobe.export.summary import summary_line
from zcprobe.report.attachment import render_attachments

SENDS, SEND_BYTES = 2003, 65536
LIMIT_BYTES = 20480
ARGUMENTS = (str(SENDS), str(SEND_BYTES))


@pytest.fixture
def path(nothing_left: None) -> Iterator[MigrationPath]:
    with migration_path() as found:
        yield found


@pytest.mark.parametrize("detail", ["sample", "causes"])
def test_a_python_sender_that_meets_its_limit(detail: str, path: MigrationPath) -> None:
    with (
        path.impaired(LIMIT_BYTES),
        receiver(path.pair) as stream,
        sender_process(path.pair, PYTHON_SENDER, *ARGUMENTS, "zerocopy") as sender,
    ):
        with attached(sender.pid, "--detail", detail, "0.1") as attachment:
            own = sender.send()
        sender.end()
    assert stream.received == own["bytes_sent"] == SENDS * SEND_BYTES
    assert own["completions_read"] == own["sends"] >= SENDS
    assert own["copied_true"] == own["sends"]
    assert own["enobufs"] > 0
    (socket,) = attachment.summary.sockets
    assert (socket.sends, socket.bytes_sent) == (own["sends"], own["bytes_sent"])
    assert (socket.optmem_max_bytes, socket.zerocopy_enabled) == (LIMIT_BYTES, True)
    assert 0 < socket.optmem_peak_bytes <= LIMIT_BYTES + socket.charge_bytes
    assert [thread.tid for thread in attachment.summary.threads] == [sender.pid]
    if detail == "causes":
        names = ("enobufs", "notifications_read", "completions_read")
        assert {name: getattr(socket, name) for name in names} == {name: own[name] for name in names}


def test_a_python_sender_without_zerocopy_has_nothing_to_fail(path: MigrationPath) -> None:
    with (
        path.impaired(LIMIT_BYTES),
        receiver(path.pair) as stream,
        sender_process(path.pair, PYTHON_SENDER, *ARGUMENTS) as sender,
    ):
        with attached(sender.pid, "0.1") as attachment:
            own = sender.send()
        once = look_once(sender.pid)
        sender.end()
    assert stream.received == own["bytes_sent"] == SENDS * SEND_BYTES
    assert own["enobufs"] == 0
    assert (once.returncode, once.stderr) == (0, "")
    assert "No socket uses zerocopy" in once.stdout
    assert [finding.id for finding in attachment.summary.findings] == ["nothing-wrong"]


def test_a_sender_by_io_uring_uses_no_optmem(path: MigrationPath, tmp_path: Path) -> None:
    program = uring_sender(tmp_path)
    with (
        path.impaired(LIMIT_BYTES),
        receiver(path.pair) as stream,
        sender_process(path.pair, program, *ARGUMENTS) as sender,
    ):
        options = ("-o", str(tmp_path / "kept"), "--metrics-file", str(tmp_path / "metrics"))
        with attached(sender.pid, "--detail", "causes", *options, "0.1") as attachment:
            own = sender.send()
        sender.end()
    assert stream.received == own["bytes_sent"] == SENDS * SEND_BYTES
    uring = attachment.summary.uring
    assert (uring.requests, uring.notifications, uring.copied_true) == (SENDS, SENDS, own["copied_true"])
    assert (own["requests"], own["notifications"], own["copied_true"]) == (SENDS, SENDS, SENDS)
    assert [finding.id for finding in attachment.summary.findings] == ["all-copied"]
    metrics = (tmp_path / "metrics").read_text()
    for name in ("requests", "notifications", "copied_notifications"):
        assert f"\nzcprobe_attach_uring_{name}_total {SENDS}.0\n" in metrics
    assert f"\nzcprobe_attach_uring_delay_median_seconds {uring.delay_median_ns / 1e9}\n" in metrics
    (kept,) = (tmp_path / "kept").iterdir()
    run = load(kept)
    assert isinstance(run, Attachment)
    assert run.kernel.uring == uring
    assert f"{SENDS:,} requests of io_uring" in summary_line(run)
    assert f"Zerocopy requests of io_uring: {SENDS:,}; their notifications: {SENDS:,}" in render_attachments([run])
    assert all(not socket.zerocopy_enabled and not socket.optmem_peak_bytes for socket in attachment.summary.sockets)
