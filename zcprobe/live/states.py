# SPDX-License-Identifier: GPL-2.0-only
"""Makes the states of the screen from the samples and the summary of each interval."""

from zcprobe.attach.columns import cells, fullness
from zcprobe.attach.sampler import Sample, Sampler
from zcprobe.format.attachment import AttachmentSummary, SocketSummary
from zcprobe.live.state import Levels, Row, State

__all__ = ["States"]

MOST_INTERVALS = 240
"""Intervals of which a socket's levels are remembered."""


class States:
    """Remembers the levels of the sockets that are open."""

    def __init__(self) -> None:
        self._levels: dict[int, Levels] = {}
        self._serial = 0

    def next(self, samples: list[Sample], sampler: Sampler, summary: AttachmentSummary) -> State:
        """The state at the end of an interval with these samples."""
        self._serial += 1
        self._levels = {sample.history.number: self._with(sample) for sample in samples}
        summaries = {socket.number: socket for socket in summary.sockets if socket.number is not None}
        return State(
            serial=self._serial,
            duration_ns=summary.duration_ns,
            processes=tuple(f"{process.pid} ({process.comm})" for process in sampler.processes),
            rows=tuple(self._row(sample, summaries.get(sample.history.number)) for sample in samples),
            findings=tuple(finding.id for finding in summary.findings),
            other_count=sampler.other_counts.total(),
        )

    def _with(self, sample: Sample) -> Levels:
        before, recent = self._levels.get(sample.history.number, Levels()), sample.history.recent
        return Levels(
            (*before.depths, recent.errqueue_depth)[-MOST_INTERVALS:],
            (*before.optmem_bytes, recent.optmem_bytes)[-MOST_INTERVALS:],
        )

    def _row(self, sample: Sample, summary: SocketSummary | None) -> Row:
        history, share = sample.history, fullness(sample)
        return Row(
            number=history.number,
            cells=cells(sample) | {"USED": f"{share:.0%}" if history.optmem_max_bytes else "-"},
            fullness=share,
            depth=history.recent.errqueue_depth,
            sends_per_s=sample.sends / max(sample.interval_ns, 1) * 1e9,
            limit_bytes=history.optmem_max_bytes,
            levels=self._levels[history.number],
            summary=summary,
        )
