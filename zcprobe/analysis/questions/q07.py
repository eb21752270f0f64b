# SPDX-License-Identifier: GPL-2.0-only
"""Q7: how long the blocking flush stalls a channel."""

import numpy as np

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import mean_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import told
from zcprobe.analysis.stalls import stall_lengths
from zcprobe.dataset.run import Run
from zcprobe.units import format_duration_ns

__all__ = ["Q7"]

_QUANTILES = {"stall_p50_ns": 50, "stall_p99_ns": 99, "stall_max_ns": 100}


def _quantile(run: Run, percent: int) -> float | None:
    lengths = stall_lengths(run)
    return float(np.percentile(lengths, percent)) if len(lengths) else None


def _stopped_ns(run: Run) -> float:
    return 1e9 * float((run.meta.scenario.reading or {}).get("stall_s") or 0)


def _conclude(cells: Cells) -> Conclusion:
    held_cell, stopped_cell = cells["clones held"], cells["peer stops reading"]
    numbers = [
        mean_of(name, "ns", cell, lambda run, percent=percent: _quantile(run, percent))  # type: ignore[misc]
        for cell in cells.values()
        for name, percent in _QUANTILES.items()
    ]
    p50, p99, longest, _, _, stopped_longest = numbers
    stopped_ns = min(map(_stopped_ns, stopped_cell.runs))
    count = sum(run.sender.stall_count for run in held_cell.runs)
    is_shown = p50.n == len(held_cell.runs) and 0 < stopped_ns / 2 < (stopped_longest.low or 0)
    text = (
        f"With clones held back, a stall of qemu-merged takes {told(p50)} at the median, {told(p99)} at the 99th"
        f" percentile and {told(longest)} at most (means over runs; {count:,} stalls in all)."
        f" When the peer stops reading for {format_duration_ns(stopped_ns)}, the longest takes {told(stopped_longest)}:"
        f" {'the peer alone ends it' if is_shown else 'the runs do not show that the peer alone ends it'}."
    )
    return Conclusion(text=text, numbers=numbers, main=longest, shown=is_shown)


Q7 = Question(
    id="Q7",
    question="How long does the blocking flush stall a channel?",
    raised_by="follows from the merged fix, whose poll has no timeout",
    experiment="qemu-merged with clones held back, and with a peer that stops reading for five seconds",
    changes="A flush that waits for less than everything, or a deadline of its poll.",
    is_about_speed=True,
    needs="records",
    cells={
        "clones held": held("qemu-merged"),
        "peer stops reading": {
            "policy": "qemu-merged",
            "scenario": "stalled-reader",
            "length": "512K",
            "optmem-max": "20K",
            "count": 200,
        },
    },
    conclude=_conclude,
)
