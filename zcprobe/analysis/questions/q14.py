# SPDX-License-Identifier: GPL-2.0-only
"""Q14: whether more channels are worse."""

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import apart, died_share, mean_of, series_of
from zcprobe.analysis.questions.q12 import MEMLOCK_CELL
from zcprobe.analysis.questions.question import Cells, Conclusion, Question
from zcprobe.analysis.questions.words import told
from zcprobe.dataset.run import Run
from zcprobe.format.questions import Number

__all__ = ["Q14"]

_CHANNELS = (1, 2, 4, 8)
_LOCKED = (1, 8)


def _optmem(channels: int) -> str:
    return f"optmem, {channels}"


def _memlock(channels: int) -> str:
    return f"memlock, {channels}"


def _sends_of_channel(run: Run) -> float | None:
    """The mean of the channels, in a run that died."""
    return run.sender.sends / run.meta.config.channels if run.sender.outcome == "dead_enobufs" else None


def _verdict(first: Number, last: Number) -> str:
    if not apart(first, last):
        return "the intervals overlap"
    return "fewer" if (last.value or 0) < (first.value or 0) else "more"


def _conclude(cells: Cells) -> Conclusion:
    numbers = {
        label: mean_of("sends_of_a_channel_before_enobufs", "sends", cell, _sends_of_channel)
        for label, cell in cells.items()
    }
    died = [died_share(cell) for cell in cells.values()]
    one, eight = numbers[_optmem(_CHANNELS[0])], numbers[_optmem(_CHANNELS[-1])]
    alone, four = numbers[_memlock(_LOCKED[0])], numbers[_memlock(_LOCKED[-1])]
    is_shown = min(number.n for number in numbers.values()) > 0 and _verdict(alone, four) == "fewer"
    worse = _verdict(one, eight) == "fewer"
    text = (
        f"{'For optmem too' if worse else 'Not for optmem, whose limit counts per socket'}: each of {_CHANNELS[-1]}"
        f" channels made {told(eight)} sends until ENOBUFS, and a single one {told(one)} ({_verdict(one, eight)})."
        f" {'For memlock, whose limit counts per user, yes' if is_shown else 'For memlock it is not shown'}: each of"
        f" {_LOCKED[-1]} channels made {told(four)} sends, and a single one {told(alone)}."
    )
    panels = [
        series_of(
            f"Sends of a channel until ENOBUFS by {what}",
            "sends",
            cells,
            _sends_of_channel,
            [number for label, number in numbers.items() if label.startswith(what)],
        )
        for what in ("optmem", "memlock")
    ]
    return Conclusion(text=text, numbers=[*numbers.values(), *died], main=eight, shown=is_shown, series=panels)


Q14 = Question(
    id="Q14",
    question="Is multifd with N channels worse?",
    raised_by="multifd makes a socket per channel, and the series speaks of one",
    experiment="qemu-pre over 1 to 8 channels, with clones held back and with a memlock limit of 256 KiB for the user",
    changes="CAP_IPC_LOCK, or a limit that grows with the number of channels.",
    cells={
        **{_optmem(count): held("qemu-pre", channels=count) for count in _CHANNELS},
        **{_memlock(count): {**MEMLOCK_CELL, "channels": count} for count in _LOCKED},
    },
    conclude=_conclude,
)
