# SPDX-License-Identifier: GPL-2.0-only
"""The log keeps the newest lines, and counts all."""

from zcprobe.live.log import MOST_LINES, Log


def test_the_newest_lines_are_kept_and_all_are_counted() -> None:
    log = Log()
    for number in range(MOST_LINES + 23):
        log.add(f"line {number}")
    total, lines = log.lines()
    assert (total, len(lines)) == (MOST_LINES + 23, MOST_LINES)
    assert lines[-1].endswith(f" line {MOST_LINES + 22}")


def test_a_line_is_safe_to_show() -> None:
    log = Log()
    log.add("\x1b[2J\nnew")
    assert log.lines()[1][0].isprintable()
