# SPDX-License-Identifier: GPL-2.0-only
"""The sentences of the screen, each cut to its width."""

from zcprobe.escapes import printable
from zcprobe.live.state import Row, State
from zcprobe.live.table import MOST_ROWS

__all__ = ["diagnosis_line", "facts", "head_line"]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}~"


def _clock(duration_ns: int) -> str:
    minutes, seconds = divmod(duration_ns // 10**9, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def head_line(state: State | None, words: list[str], width: int) -> str:
    """What is watched and for how long; `words` about the screen stand at the right and are never cut."""
    right = "  ".join(word for word in words if word)
    if state is None:
        left = "zcprobe live"
    else:
        names = ", ".join(state.processes[:3]) + (f" and {len(state.processes) - 3} more" * (len(state.processes) > 3))
        left = f"{_clock(state.duration_ns)} {_sockets(len(state.rows))} of {names or 'no process'}"
    left = _cut(printable(left), width - len(right) - 2)
    return left + right.rjust(width - len(left))


def _sockets(count: int) -> str:
    return f"{MOST_ROWS} of {count} sockets" if count > MOST_ROWS else f"{count} socket{'s' * (count != 1)}"


def diagnosis_line(state: State | None, width: int) -> str:
    """What is wrong until now."""
    if state is None:
        return "The first interval has not ended yet."
    if not state.rows:
        return _cut(f"No socket with zerocopy is open; there are {state.other_count} without.", width)
    return _cut(f"Diagnosis: {', '.join(state.findings) or 'none'}", width)


def _counts(counts: dict[str, int] | None) -> str:
    return ", ".join(f"{name or 'unknown'} {count}" for name, count in sorted((counts or {}).items()) if count)


def facts(row: Row, width: int) -> list[str]:
    """What is known of a socket since the beginning, a line each. What was not seen is left out."""
    cells, summary = row.cells, row.summary
    lines = [f"fd {cells['FD']} of process {cells['PID']}: {cells['LOCAL']} to {cells['REMOTE']}, {cells['STATE']}"]
    lines.append(f"{cells['SENDS/S']} sends/s, {cells['MBIT/S']} Mbit/s, charges in flight {cells['FLIGHT']}")
    if summary is not None and summary.enobufs is not None:
        causes = _counts(summary.enobufs_causes)
        lines.append(f"sends {summary.sends}, ENOBUFS {summary.enobufs}" + (f" ({causes})" if causes else ""))
        if summary.readers is not None:
            readers = _counts(summary.readers) or "nobody"
            lines.append(f"read by {readers}; flushes that waited: {summary.flushes_waited}")
    return [_cut(printable(text), width) for text in lines]
