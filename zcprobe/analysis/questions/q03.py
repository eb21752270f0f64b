# SPDX-License-Identifier: GPL-2.0-only
"""Q3: whether a larger optmem_max is enough, and the limit that the formula predicts."""

from zcprobe.analysis.claims import claims_against, judged
from zcprobe.analysis.demand import Demand
from zcprobe.analysis.prediction import predict
from zcprobe.analysis.questions.cells import Cell
from zcprobe.analysis.questions.cells_of_many import held, in_flight
from zcprobe.analysis.questions.estimates import died_share, effect_of, mean_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Options, Question
from zcprobe.analysis.questions.words import listed, told
from zcprobe.dataset.run import Run
from zcprobe.format.kernel import DEFAULT_TCP_SNDBUF_MAX_BYTES, SKB_TRUESIZE_ZERO_BYTES
from zcprobe.format.questions import Number
from zcprobe.units import format_bytes

__all__ = ["Q3"]

_HELD = ("held, 128K", "held, 256K")
_ENOUGH = {
    "512K late, 256K": "sends of 512 KiB acknowledged late",
    "64K late, 2M": "sends of 64 KiB acknowledged late",
    "64K early, 128K": "sends of 64 KiB acknowledged at once",
}
"""For each of the senders whose completions come in order, the cell with the largest limit, and the sender in words."""

_TWICE: Options = {"optmem-max": "256K"}


def _cells() -> dict[str, Options]:
    early: Options = {"scenario": "in-order", "policy": "qemu-pre", "length": "64K", "count": 6000}
    late = {limit: in_flight("qemu-pre", **{"optmem-max": limit}) for limit in ("20K", "128K", "256K")}
    small = {
        limit: in_flight("qemu-pre", **{"optmem-max": limit, "length": "64K", "count": 3000})
        for limit in ("128K", "2M")
    }
    return {
        **{f"512K late, {limit}": options for limit, options in late.items()},
        **{f"64K late, {limit}": options for limit, options in small.items()},
        **{f"64K early, {limit}": {**early, "optmem-max": limit} for limit in ("20K", "128K")},
        "held, 128K": held("qemu-pre"),
        "held, 256K": held("qemu-pre", **_TWICE),
    }


def _predicted(run: Run) -> float | None:
    """The limit that `zcprobe predict` names for this sender, whose completions come in order. The kernel doubles the
    size that SO_SNDBUF asks for."""
    asked = run.options["socket_sndbuf_bytes"]
    demand = Demand(
        send_bytes=run.send_bytes,
        charge_bytes=run.kernel.charge_bytes,
        sndbuf_bytes=2 * asked if asked else DEFAULT_TCP_SNDBUF_MAX_BYTES,
        baseline_bytes=run.kernel.optmem_baseline_bytes,
    )
    return predict(demand).optmem_max_bytes


def _needed(run: Run) -> float | None:
    """The limit that the run turned out to need: its peak, of which the last charge needs SKB_TRUESIZE(0) alone. A run
    that died had no chance to show it."""
    if run.sender.enobufs_count:
        return None
    return run.kernel.optmem_peak_bytes - run.kernel.charge_bytes + SKB_TRUESIZE_ZERO_BYTES


def _is_as_predicted(cell: Cell) -> bool:
    """Whether every run with a limit of at least the predicted one lived."""
    return all(
        run.sender.enobufs_count == 0 for run in cell.runs if run.kernel.optmem_max_bytes >= (_predicted(run) or 0)
    )


def _sentence(cells: Cells, label: str, numbers: list[Number]) -> str:
    predicted = mean_of("predicted_optmem_max", "bytes", cells[label], _predicted)
    needed = mean_of("needed_optmem_max", "bytes", cells[label], _needed)
    numbers += [predicted, needed]
    return f"{format_bytes(predicted.value or 0)} for {_ENOUGH[label]} (needed: {told(needed)})"


def _conclude(cells: Cells) -> Conclusion:
    numbers: list[Number] = []
    enough = listed([_sentence(cells, label, numbers) for label in _ENOUGH])
    in_order = [cell for label, cell in cells.items() if label not in _HELD]
    died = {label: died_share(cell) for label, cell in cells.items()}
    later = _later(cells)
    is_shown = (
        all(map(_is_as_predicted, in_order))
        and all(died[label].value == 0 for label in _ENOUGH)
        and (died[_HELD[1]].low or 0) > 0.5
    )
    grown = f"{1 + (later.value or 0):.3g} times" if later else "some"
    ends = (
        f" [{1 + later.low:.3g} to {1 + later.high:.3g}]"
        if later and later.low is not None and later.high is not None
        else ""
    )
    text = (
        f"Where completions come in order, yes: no run met ENOBUFS with the limit that the formula predicts, {enough}."
        f" Where they come out of order, no: with twice the limit the sender made {grown}{ends} as many sends, and"
        f" died in {round((died[_HELD[1]].value or 0) * died[_HELD[1]].n)} of {died[_HELD[1]].n} runs all the same."
        if is_shown
        else "The runs do not agree with the formula: the numbers below say in which cell senders died or lived against"
        " it. Until they are understood, a larger limit is not shown to be enough."
    )
    return Conclusion(
        text=text,
        numbers=[*died.values(), *numbers, *([later] if later else [])],
        main=later or died[_HELD[1]],
        shown=is_shown,
    )


def _later(cells: Cells) -> Number | None:
    """How many more sends the larger limit allows; None if no run of either died."""
    first, second = (cells[label] for label in _HELD)
    claims = claims_against(first.label, {first.label: first.by_block, second.label: second.by_block})
    own = judged([claim for claim in claims if claim.quantity == "sends_before_enobufs"])
    return effect_of(own[0]) if own else None


Q3 = Question(
    id="Q3",
    question="Is tuning optmem_max enough?",
    raised_by="proposed in the review of the series instead of a change of QEMU",
    experiment="qemu-pre over limits and sizes of a send: acknowledged early (in-order), late (in-flight), and with"
    " clones held back (held-completions); each limit beside what zcprobe predict says",
    changes="A larger send buffer or larger late share raises the limit that is needed; a sender that reads its error"
    " queue often enough needs no larger limit where completions come out of order.",
    limits="The formula gives each send a notification of its own. Sends of 64 KiB that wait unsent share some, and"
    " then need less than is predicted; how many share depends on the path.",
    cells=_cells(),
    conclude=_conclude,
)
