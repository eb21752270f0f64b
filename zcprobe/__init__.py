"""zcprobe: why MSG_ZEROCOPY senders get ENOBUFS, and what each answer to it costs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from zcprobe.dataset.load import Run

__all__ = ["load"]


def load(path: "str | Path") -> "Run":
    """The run in a run folder: `zcprobe.dataset.load.load_run`, imported when it is called (pandas is heavy)."""
    from zcprobe.dataset.load import load_run

    return load_run(path)
