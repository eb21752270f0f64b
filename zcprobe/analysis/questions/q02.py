# SPDX-License-Identifier: GPL-2.0-only
"""Q2: ENOBUFS without any completion out of order."""

from zcprobe.analysis.late_completions import df_late_completions
from zcprobe.analysis.questions.cells_of_many import held, in_flight
from zcprobe.analysis.questions.estimates import died_share, mean_of, series_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import of_runs, told
from zcprobe.dataset.run import Run

__all__ = ["Q2"]


def _in_flight_share(run: Run) -> float | None:
    unread = run.kernel.enobufs_unread_share
    return None if unread is None else 1 - unread


def _out_of_order(run: Run) -> float:
    return float(df_late_completions(run)["out_of_order_count"].sum())


def _conclude(cells: Cells) -> Conclusion:
    in_order = cells["in order, acknowledged late"]
    died = died_share(in_order)
    shares = [mean_of("in_flight_share", "share", cell, _in_flight_share) for cell in cells.values()]
    holes = [mean_of("out_of_order_notifications", "notifications", cell, _out_of_order) for cell in cells.values()]
    is_shown = (died.low or 0) > 0.5 and holes[0].value == 0 and (shares[0].low or 0) > 0.5
    text = (
        f"{'No' if is_shown else 'It is not shown that there is another cause'}: where acknowledgements come late,"
        f" {told(holes[0])} notifications came out of order, and the sender died of ENOBUFS in {of_runs(died)} all the"
        f" same, because sends in flight held {told(shares[0])} of the notifications' charges at ENOBUFS. With clones"
        f" held back, {told(holes[1])} notifications of a run came out of order, and sends in flight held"
        f" {told(shares[1])} at ENOBUFS; unread notifications held the rest."
    )
    panel = series_of(
        "Share of the charges that sends in flight held at ENOBUFS", "%", cells, _in_flight_share, shares, 0.01
    )
    return Conclusion(text=text, numbers=[died, *shares, *holes], main=shares[0], shown=is_shown, series=[panel])


Q2 = Question(
    id="Q2",
    question="Is it only skipped or out-of-order zerocopy?",
    raised_by="asked in the review of the series, where skipped zerocopy was named as the reason",
    experiment="in-flight: all completions in order, acknowledgements late; beside held-completions; policy qemu-pre",
    changes="A path whose bandwidth-delay product is so small that few sends are in flight: then only unread"
    " notifications fill optmem.",
    limits="On veth the kernel copies the data of every send when the peer's namespace gets it, so no run here shows"
    " sends that were really not copied.",
    needs="events",
    cells={"in order, acknowledged late": in_flight("qemu-pre"), "out of order, clones held": held("qemu-pre")},
    conclude=_conclude,
)
