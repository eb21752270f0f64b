# SPDX-License-Identifier: GPL-2.0-only
"""Writes a number with its noun."""

__all__ = ["counted"]


def counted(count: int, noun: str) -> str:
    """`1 run`, `1,009 runs`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
