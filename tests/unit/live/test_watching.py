# SPDX-License-Identifier: GPL-2.0-only
"""The thread that watches ends when it is asked to, and what goes wrong in it is raised where it is awaited."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from zcprobe.attach.selection import Selection
from zcprobe.errors import DefectError, HostError
from zcprobe.format.attachment import AttachmentSummary
from zcprobe.interrupt import Interruption
from zcprobe.live.watching import Watching


class _Sampler:
    processes = ()
    other_counts: ClassVar = Counter[str]()


class _Attachment:
    """Tells of an interval, then waits for the request to end, as long as it does not fail before."""

    detail = "sample"
    causes = None
    sampler = _Sampler()
    selection = Selection(pids=(1,))

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error
        self.told = threading.Event()

    def run(
        self, interruption: Interruption, on_interval: Callable[..., None], interval_s: float, count: int | None
    ) -> None:
        ended = threading.Event()
        with interruption.forwarded_to(ended.set):
            on_interval([], ["process 1 (x) is watched from now on"])
            self.told.set()
            if self._error is not None:
                raise self._error
            assert ended.wait(30)

    def summary(self, diagnose: Any) -> AttachmentSummary:
        return AttachmentSummary(detail="sample", duration_ns=1, sockets=[], findings=[])


def watching(attachment: _Attachment, parent: Path = Path("results")) -> Watching:
    def as_error(error: Exception) -> DefectError:
        return DefectError(f"unexpected {error}", "report it")

    return Watching(attachment, lambda _: [], parent, as_error, interval_s=1.0, count=None)  # type: ignore[arg-type]


def test_it_ends_when_it_is_asked_to_also_twice() -> None:
    attachment = _Attachment()
    watched = watching(attachment)
    assert watched.newest is None
    watched.start()
    assert attachment.told.wait(30)
    assert not watched.is_over
    watched.end()
    watched.finish()
    assert watched.is_over
    assert watched.newest is not None
    assert "process 1 (x) is watched from now on" in watched.log.lines()[1][-1]


def test_it_may_be_asked_before_it_watches() -> None:
    watched = watching(_Attachment())
    watched.end()
    watched.start()
    watched.finish()
    assert watched.newest is None


def test_an_error_of_the_thread_is_raised_at_the_end() -> None:
    watched = watching(_Attachment(HostError("no more", "try later")))
    watched.start()
    with pytest.raises(HostError, match="no more"):
        watched.finish()


def test_what_cannot_be_saved_is_in_the_log(tmp_path: Path) -> None:
    attachment = _Attachment()
    watched = watching(attachment, tmp_path / "file" / "below")
    (tmp_path / "file").write_text("")
    watched.save()
    assert watched.saving == "nothing to save yet"
    watched.start()
    assert attachment.told.wait(30)
    watched.save()
    watched.finish()
    assert watched.saving == "not saved"
    assert "not saved: " in watched.log.lines()[1][-1]
