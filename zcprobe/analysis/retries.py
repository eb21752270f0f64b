# SPDX-License-Identifier: GPL-2.0-only
"""How many ENOBUFS a write met until it succeeded, or failed."""

from collections import Counter

from zcprobe.dataset.run import Run

__all__ = ["retries_of"]


def retries_of(run: Run) -> dict[int, int]:
    """ENOBUFS that a write met -> the number of such writes, of those that met one and were tried again. Empty for a
    run that kept only counts."""
    counts: Counter[int] = Counter()
    for part in run.iterate("stalls", ["enobufs_count"]):
        counts.update(part["enobufs_count"].tolist())
    return {met: writes for met, writes in sorted(counts.items()) if met}
