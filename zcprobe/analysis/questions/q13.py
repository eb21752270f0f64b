# SPDX-License-Identifier: GPL-2.0-only
"""Q13: who holds the data of a completion that comes out of order."""

from collections import Counter

from zcprobe.analysis.late_completions import df_late_completions
from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import mean_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import told
from zcprobe.dataset.run import Run

__all__ = ["Q13"]

_HELD, _ORDERED = "clones held", "nothing impaired"


def _out_of_order_share(run: Run) -> float | None:
    """Notifications out of order, per completion."""
    table = df_late_completions(run)
    return float(table["out_of_order_count"].sum()) / run.sender.completions if run.sender.completions else None


def _late(run: Run) -> Counter[str]:
    table = df_late_completions(run)
    return Counter(dict(zip(table["holder"], table["late_count"].astype(int), strict=True)))


def _share_of(run: Run, holder: str) -> float | None:
    counts = _late(run)
    return counts[holder] / counts.total() if counts.total() else None


def _conclude(cells: Cells) -> Conclusion:
    totals: Counter[str] = Counter()
    for run in cells[_HELD].runs:
        totals.update(_late(run))
    ((holder, _),) = totals.most_common(1) or [("nobody that was seen", 0)]
    share = mean_of("late_by_holder_share", "share", cells[_HELD], lambda run: _share_of(run, holder))
    orders = {label: mean_of("out_of_order_share", "share", cell, _out_of_order_share) for label, cell in cells.items()}
    is_shown = (share.low or 0) > 0.5 and (orders[_ORDERED].high or 0) < (orders[_HELD].low or 0)
    text = (
        f"{'Because somebody else than TCP keeps a clone' if is_shown else 'The runs do not name a single holder'}: in"
        f" {told(share)} of the late completions the last reference was dropped by {holder}, long after the"
        f" acknowledgement. With clones held back {told(orders[_HELD])} of the completions brought a notification out"
        f" of order, and with nothing impaired {told(orders[_ORDERED])}."
    )
    return Conclusion(text=text, numbers=[share, *orders.values()], main=share, shown=is_shown)


Q13 = Question(
    id="Q13",
    question="Why do completions come out of order?",
    raised_by="the series names it as a fact of zerocopy, without a reason",
    experiment="the kernel function that dropped the last reference to the data of each late completion, with clones"
    " held back and with nothing impaired",
    changes="Another holder: a capture, a mirror, a bridge, or the transmit ring of a card.",
    limits="In which order a real network card completes its sends cannot be seen here. These are namespaces of one"
    " host with a queue that mirrors 1 in 16 packets; zcprobe attach shows the holders of a sender over a card.",
    needs="events",
    cells={
        _HELD: held("qemu-merged"),
        _ORDERED: {
            "policy": "qemu-pre",
            "scenario": "in-order",
            "length": "64K",
            "optmem-max": "128K",
            "count": 6000,
        },
    },
    conclude=_conclude,
)
