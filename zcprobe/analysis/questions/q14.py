# SPDX-License-Identifier: GPL-2.0-only
"""Q14: whether more channels are worse."""

from collections.abc import Callable

from zcprobe.analysis.questions.cells_of_many import held
from zcprobe.analysis.questions.estimates import died_share, mean_of, series_of
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


def _optmem_held(run: Run) -> float | None:
    """What all channels together held of optmem at their peaks, in limits."""
    return sum(channel.optmem_peak_bytes for channel in run.meta.channels) / run.kernel.optmem_max_bytes


def _memlock_held(run: Run) -> float | None:
    """The most that the user had locked when a send was refused, in limits; None if none was refused for that."""
    events = run.read("kernel_events", ["kind", "memlock_locked_pages", "memlock_limit_pages"])
    refused = events[(events["kind"] == "enobufs") & (events["memlock_limit_pages"] > 0)]
    shares = refused["memlock_locked_pages"] / refused["memlock_limit_pages"]
    return float(shares.max()) if len(shares) else None


def _held(cells: Cells, what: str, value: Callable[[Run], float | None]) -> dict[str, Number]:
    own = {label: cell for label, cell in cells.items() if label.startswith(what)}
    return {label: mean_of(f"{what}_held", "limits", cell, value) for label, cell in own.items()}


def _conclude(cells: Cells) -> Conclusion:
    optmem, memlock = _held(cells, "optmem", _optmem_held), _held(cells, "memlock", _memlock_held)
    sends = [
        mean_of("sends_of_a_channel_before_enobufs", "sends", cells[_optmem(count)], _sends_of_channel)
        for count in (_CHANNELS[0], _CHANNELS[-1])
    ]
    died = [died_share(cell) for cell in cells.values()]
    most, locked = optmem[_optmem(_CHANNELS[-1])], memlock[_memlock(_LOCKED[-1])]
    is_shown = (most.low or 0) > _CHANNELS[-1] / 2 and 0 < (locked.high or 0) <= 1
    text = (
        f"{'Not for optmem, whose limit counts per socket' if is_shown else 'The runs do not decide it'}:"
        f" {_CHANNELS[-1]} channels together held {told(most)} times the limit, and each made {told(sends[1])} sends"
        f" until ENOBUFS, where a single one made {told(sends[0])}. For memlock, whose limit counts per user,"
        f" {'yes' if is_shown else 'that is not shown either'}: {_LOCKED[-1]} channels together had"
        f" {told(locked)} of one limit when sends were refused, and a single one {told(memlock[_memlock(_LOCKED[0])])},"
        " so each gets a share of it."
    )
    panels = [
        series_of("optmem of all channels at their peaks", "limits", cells, _optmem_held, list(optmem.values())),
        series_of(
            "memlock of the user when a send was refused", "limits", cells, _memlock_held, list(memlock.values())
        ),
    ]
    numbers = [*optmem.values(), *memlock.values(), *sends, *died]
    return Conclusion(text=text, numbers=numbers, main=most, shown=is_shown, series=panels)


Q14 = Question(
    id="Q14",
    question="Is multifd with N channels worse?",
    raised_by="multifd makes a socket per channel, and the series speaks of one",
    experiment="qemu-pre over 1 to 8 channels, with clones held back and with a memlock limit of 256 KiB for the user",
    changes="CAP_IPC_LOCK, or a limit that grows with the number of channels.",
    needs="events",
    cells={
        **{_optmem(count): held("qemu-pre", channels=count) for count in _CHANNELS},
        **{_memlock(count): {**MEMLOCK_CELL, "channels": count} for count in _LOCKED},
    },
    conclude=_conclude,
)
