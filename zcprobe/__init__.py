# SPDX-License-Identifier: GPL-2.0-only
"""zcprobe: why MSG_ZEROCOPY senders get ENOBUFS, and what each answer to it costs."""

TYPE_CHECKING = False  # as type checkers know it from `typing`, which takes longer to import than this

if TYPE_CHECKING:
    from pathlib import Path

    from zcprobe.dataset.load import Run, RunCollection

__all__ = ["load", "load_runs"]


def load(
    path: "str | Path",
    *,
    allow_incomplete: bool = False,
    allow_lost: bool = False,
    allow_damaged: bool = False,
    skip_damaged: bool = False,
) -> "Run | RunCollection":
    """The run or runs at a path or pattern: `zcprobe.dataset.load.load`, imported when called (pandas is heavy)."""
    from zcprobe.dataset.load import load as load_from

    return load_from(
        path,
        allow_incomplete=allow_incomplete,
        allow_lost=allow_lost,
        allow_damaged=allow_damaged,
        skip_damaged=skip_damaged,
    )


def load_runs(
    path: "str | Path",
    *,
    allow_incomplete: bool = False,
    allow_lost: bool = False,
    allow_damaged: bool = False,
    skip_damaged: bool = False,
) -> "RunCollection":
    """The same, always as a sequence of runs, also where there is only one: `zcprobe.dataset.load.load_runs`."""
    from zcprobe.dataset.load import load_runs as load_from

    return load_from(
        path,
        allow_incomplete=allow_incomplete,
        allow_lost=allow_lost,
        allow_damaged=allow_damaged,
        skip_damaged=skip_damaged,
    )
