# SPDX-License-Identifier: GPL-2.0-only
"""The watching that a screen looks at. It has a thread of its own, and no screen can delay it."""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile

from zcprobe.attach.attachment import Attachment, Diagnose
from zcprobe.attach.sampler import Sample
from zcprobe.attach.spool import SampleSpool
from zcprobe.attach.subject import Seen, save_attachment, seen_until_now
from zcprobe.errors import ZcprobeError
from zcprobe.interrupt import Interruption
from zcprobe.live.changes import Changes
from zcprobe.live.log import Log
from zcprobe.live.state import State
from zcprobe.live.states import States

__all__ = ["Watching"]

SPOOL_BYTES = 64 << 20
"""Most bytes of samples that are remembered for a run folder: those of ten sockets for twenty hours."""


class Watching:
    """The source of a screen (`zcprobe.live.state.Source`), from `start` to `finish`. `parent`: where `save` makes run
    folders. `as_error`: what to tell in the place of an exception that nobody expected."""

    def __init__(
        self,
        attachment: Attachment,
        diagnose: Diagnose,
        parent: Path,
        as_error: Callable[[Exception], ZcprobeError],
        *,
        interval_s: float,
        count: int | None,
    ) -> None:
        self._attachment = attachment
        self._diagnose = diagnose
        self._parent = parent
        self._as_error = as_error
        self._interval_s, self._count = interval_s, count
        self._request = Interruption()
        self._error: BaseException | None = None
        self._states, self._changes = States(), Changes()
        self._spool = SampleSpool(TemporaryFile(buffering=0), SPOOL_BYTES)  # noqa: SIM115  # finish() closes it
        self._seen: Seen | None = None
        self._thread = threading.Thread(target=self._run, name="watching")
        self._saver: threading.Thread | None = None
        self.log = Log()
        self.newest: State | None = None
        self.saving = ""

    def start(self) -> None:
        if self._attachment.detail == "sample":
            self.log.add("peaks between two looks are missed, and ENOBUFS is counted only with --detail causes")
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def end(self) -> None:
        if not self._request.signal_number:  # a second request would be taken for impatience
            self._request.handle(signal.SIGINT, None)

    def finish(self) -> None:
        """Waits for the end, and for a run folder that is being made. Raises what went wrong in the thread."""
        self.end()
        self._thread.join()
        if self._saver is not None:
            self._saver.join()
        self._spool.close()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._attachment.run(self._request, self._tell, self._interval_s, self._count)
        except KeyboardInterrupt:
            pass  # the end was asked for before the first look
        except BaseException as error:
            self._error = error

    def _tell(self, samples: list[Sample], notes: list[str]) -> None:
        for note in notes:
            self.log.add(note)
        self._spool.add(samples)
        self._seen = seen_until_now(self._attachment, self._spool, self._diagnose)
        for line in self._changes.lines(self._seen.summary):
            self.log.add(line)
        self.newest = self._states.next(samples, self._attachment.sampler, self._seen.summary)

    def save(self) -> None:
        if self._saver is not None and self._saver.is_alive():
            return
        if self._seen is None:
            self.saving = "nothing to save yet"
            return
        self.saving = "saving ..."
        self._saver = threading.Thread(target=self._save, args=(self._seen,), name="saving")
        self._saver.start()

    def _save(self, seen: Seen) -> None:
        try:
            saved = save_attachment(
                seen, self._spool, self._attachment.selection, self._parent, interval_s=self._interval_s
            )
        except Exception as error:
            told = error if isinstance(error, ZcprobeError) else self._as_error(error)
            self.saving = "not saved"
            self.log.add(f"not saved: {told}; {told.hint}")
        else:
            self.saving = "saved"
            self.log.add(f"saved in {saved.folder}")
