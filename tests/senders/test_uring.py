# SPDX-License-Identifier: GPL-2.0-only
"""io_uring's zerocopy sends, watched from outside: what the probes count is what the sender counted itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.senders.path import MigrationPath, migration_path
from tests.senders.processes import receiver, sender_process, uring_sender
from zcprobe.format.attachment import UringSummary
from zcprobe.probes.measurement import Target
from zcprobe.probes.session import ProbeSession

SENDS, SEND_BYTES = 1009, 16384


@pytest.fixture(scope="module")
def session() -> Iterator[ProbeSession]:
    with ProbeSession(level="summary", watch=True) as opened:
        yield opened


@pytest.fixture
def path(nothing_left: None) -> Iterator[MigrationPath]:
    with migration_path() as found:
        yield found


@pytest.mark.parametrize("mode", ["send", "sendmsg", "silent", "sqpoll", "late"])
def test_each_request_and_notification_is_counted(
    mode: str, path: MigrationPath, session: ProbeSession, tmp_path: Path
) -> None:
    program = uring_sender(tmp_path)
    arguments = (str(SENDS), str(SEND_BYTES), mode)
    assert session.lack_of_uring is None
    with receiver(path.pair), sender_process(path.pair, program, *arguments) as sender:
        with session.measure(Target(level="summary", processes=[sender.pid]), Path(os.devnull)) as counts:
            own = sender.send()
            sender.end()
        seen = session.uring()
    assert isinstance(seen, UringSummary)
    assert counts.missed_runs == {}
    assert (seen.requests, seen.notifications) == (own["requests"], own["notifications"]) == (SENDS, SENDS)
    assert seen.copied_true == (None if mode == "silent" else own["copied_true"])
    assert seen.cq_overflows == (2 * SENDS - own["cq_entries"] if mode == "late" else 0)
    assert seen.delay_median_ns is not None
    assert 0 < seen.delay_median_ns < 5_000_000_000


def test_another_process_is_not_counted(path: MigrationPath, session: ProbeSession, tmp_path: Path) -> None:
    program = uring_sender(tmp_path)
    with receiver(path.pair), sender_process(path.pair, program, str(SENDS), str(SEND_BYTES)) as sender:
        with session.measure(Target(level="summary", processes=[os.getpid()]), Path(os.devnull)):
            sender.send()
            sender.end()
        assert session.uring() == UringSummary(requests=0, notifications=0, cq_overflows=0)
