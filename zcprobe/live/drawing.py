# SPDX-License-Identifier: GPL-2.0-only
"""Levels as characters. A terminal that has no blocks gets characters of ASCII, and none needs colour."""

from collections.abc import Sequence

__all__ = ["ASCII", "BLOCKS", "chart", "spark"]

BLOCKS = " ▁▂▃▄▅▆▇█"
ASCII = " .:-=+*#@"
"""From nothing to full, in eighths."""

_AXIS_WIDTH = 10


def spark(values: Sequence[int], top: int, width: int, ramp: str = BLOCKS) -> str:
    """The last `width` values as one character each, at the right: 0 has the lowest mark, `top` or more is full, and
    nothing is drawn where there is no value."""
    shown = values[-width:] if width else ()
    marks = (ramp[min(8, 1 + value * 7 // max(top, 1))] for value in shown)
    return "".join(marks).rjust(width)


def _column(value: int, top: int, height: int, ramp: str) -> str:
    """From the top to the bottom. Whatever is above 0 is seen."""
    eighths = min(height * 8, -(-value * height * 8 // max(top, 1)))
    return "".join(ramp[max(0, min(8, eighths - 8 * row))] for row in reversed(range(height)))


def chart(values: Sequence[int], top: int, width: int, height: int, ramp: str = BLOCKS) -> list[str]:
    """`height` lines of `width` characters: an axis from 0 to `top`, and the last values as columns."""
    room = max(0, width - _AXIS_WIDTH)
    shown = values[-room:] if room else ()
    columns = [_column(value, top, height, ramp) for value in shown]
    lines = []
    for row in range(height):
        label = str(top) if row == 0 else "0" if row == height - 1 else ""
        cells = "".join(column[row] for column in columns).rjust(room)
        lines.append(f"{label:>{_AXIS_WIDTH - 2}} |{cells}"[:width])
    return lines
