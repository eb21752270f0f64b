# SPDX-License-Identifier: GPL-2.0-only
"""Q12: the causes of ENOBUFS."""

from zcprobe.analysis.enobufs_causes import causes_of
from zcprobe.analysis.questions.cells_of_many import held, in_flight
from zcprobe.analysis.questions.estimates import mean_of, share_of
from zcprobe.analysis.questions.question import Cells, Conclusion, Options, Question
from zcprobe.analysis.questions.words import of_runs, told
from zcprobe.dataset.run import Run
from zcprobe.format.causes import MEMLOCK_CAUSES

__all__ = ["MEMLOCK_CELL", "Q12"]

MEMLOCK_CELL: Options = {
    "policy": "qemu-pre",
    "scenario": "memlock",
    "length": "64K",
    "optmem-max": "128K",
    "count": 500,
}
"""RLIMIT_MEMLOCK of 256 KiB without CAP_IPC_LOCK, which the scenario gives up."""

_HELD, _FLIGHT, _MEMLOCK = "clones held", "acknowledged late", "memlock of 256 KiB"


def _is_optmem(run: Run) -> bool:
    causes = causes_of(run)
    return bool(causes) and all(cause.startswith("optmem") for cause in causes)


def _is_memlock(run: Run) -> bool:
    causes = causes_of(run)
    return bool(causes) and set(causes) <= set(MEMLOCK_CAUSES)


def _conclude(cells: Cells) -> Conclusion:
    optmem = [share_of("all_optmem_share", cells[label], _is_optmem) for label in (_HELD, _FLIGHT)]
    memlock = share_of("all_memlock_share", cells[_MEMLOCK], _is_memlock)
    unread = [
        mean_of("unread_share", "share", cells[label], lambda run: run.kernel.enobufs_unread_share)
        for label in (_HELD, _FLIGHT)
    ]
    peak = mean_of("optmem_peak_bytes", "bytes", cells[_MEMLOCK], lambda run: float(run.kernel.optmem_peak_bytes))
    is_shown = all((share.low or 0) > 0.5 for share in (*optmem, memlock))
    text = (
        f"{'Yes' if is_shown else 'The runs do not name every cause'}: with a small memlock limit the kernel refused"
        f" sends for RLIMIT_MEMLOCK in {of_runs(memlock)}, while optmem never exceeded {told(peak)}. optmem was the"
        f" cause in {of_runs(optmem[0])} with clones held back, where unread notifications held {told(unread[0])} of"
        f" the charges, and in {of_runs(optmem[1])} with late acknowledgements, where they held {told(unread[1])} and"
        " sends in flight the rest."
    )
    return Conclusion(text=text, numbers=[memlock, *optmem, *unread, peak], main=memlock, shown=is_shown)


Q12 = Question(
    id="Q12",
    question="Can ENOBUFS have other causes?",
    raised_by="QEMU's error text blames memlock for every ENOBUFS",
    experiment="qemu-pre with clones held back, with late acknowledgements, and with a memlock limit of 256 KiB; the"
    " cause of each refused call from the probes",
    changes="Another limit may come first: with CAP_IPC_LOCK or a large memlock limit only optmem is left.",
    limits="The probes also name failed allocation, TCP fast open, a foreign uarg, corked datagrams and drops by the"
    " qdisc. Ordinary TCP traffic meets none of them, and this experiment provokes none.",
    cells={_HELD: held("qemu-pre"), _FLIGHT: in_flight("qemu-pre"), _MEMLOCK: MEMLOCK_CELL},
    conclude=_conclude,
)
