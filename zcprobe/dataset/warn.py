# SPDX-License-Identifier: GPL-2.0-only
"""Warnings that name the line of whoever called zcprobe."""

import sys
import warnings

__all__ = ["warn_caller"]


def warn_caller(text: str) -> None:
    """A UserWarning at the nearest line outside this package, however many functions lie between."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "zcprobe":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)
