# SPDX-License-Identifier: GPL-2.0-only
"""What the words and options of a verb that watches processes mean."""

import argparse

import msgspec

from zcprobe.attach.selection import Selection
from zcprobe.errors import UsageError
from zcprobe.units import parse_seconds, parse_whole

__all__ = ["Words", "parse_words", "selection_of"]

_LEAST_S, _MOST_S = 0.01, 86400.0
_MOST_INTERVALS = 10**9


class Words(msgspec.Struct, frozen=True):
    """The words that are no options: how long an interval is, how many there are, and the command to start."""

    interval_s: float = 1.0
    count: int | None = None
    command: list[str] = []


def _is_number(text: str) -> bool:
    return text[:1].isdigit()


def parse_words(words: list[str]) -> Words:
    """UsageError for an interval or a count that is out of range."""
    numbers = 0
    while numbers < min(2, len(words)) and _is_number(words[numbers]):
        numbers += 1
    interval_s = parse_seconds("INTERVAL", words[0]) if numbers else 1.0
    if not _LEAST_S <= interval_s <= _MOST_S:
        raise UsageError(f"an interval of {words[0]} is out of range", f"choose {_LEAST_S} to {_MOST_S:.0f} seconds")
    count = parse_whole("COUNT", words[1], low=1, high=_MOST_INTERVALS) if numbers > 1 else None
    return Words(interval_s, count, words[numbers:])


def selection_of(options: argparse.Namespace, command: list[str]) -> Selection:
    """UsageError unless the processes are named in one way."""
    given = [name for name in ("pid", "tid", "comm", "cgroup") if getattr(options, name) is not None]
    if len(given) + bool(command) != 1:
        what = "nothing says which process to watch" if not given else "a process is named in two ways"
        raise UsageError(what, "give one of -p PID, -t TID, --comm NAME, --cgroup PATH, or -- CMD ARGS")
    return Selection(
        pids=options.pid or (),
        tids=options.tid or (),
        comm=options.comm,
        cgroup=options.cgroup,
        children=options.follow,
    )
