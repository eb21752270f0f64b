# SPDX-License-Identifier: GPL-2.0-only
"""Cells that several questions share. Their runs are made once."""

from zcprobe.analysis.questions.question import Options
from zcprobe.format.campaign import PointValue

__all__ = ["held", "in_flight"]

_HELD: Options = {"scenario": "held-completions", "length": "64K", "optmem-max": "128K", "count": 6000}
_IN_FLIGHT: Options = {"scenario": "in-flight", "length": "512K", "optmem-max": "20K", "count": 600}


def held(policy: str, **others: PointValue) -> Options:
    """1 in 16 packets has its clone held back, so completions come out of order."""
    return {**_HELD, "policy": policy, **others}


def in_flight(policy: str, **others: PointValue) -> Options:
    """Acknowledgements come late, so many sends are in flight; completions come in order."""
    return {**_IN_FLIGHT, "policy": policy, **others}
