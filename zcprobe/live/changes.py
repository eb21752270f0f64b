# SPDX-License-Identifier: GPL-2.0-only
"""What is new in a summary since the one before: refused calls and findings, as lines for people."""

from collections import Counter

from zcprobe.format.attachment import AttachmentSummary, SocketSummary

__all__ = ["Changes"]


def _name(socket: SocketSummary | None) -> str:
    if socket is None:
        return "sockets that were open between two looks"
    return f"fd {socket.fd} to {socket.remote or f'({socket.protocol})'}"


class Changes:
    """Remembers the refused calls of each socket for as long as the summary has it, and the findings."""

    def __init__(self) -> None:
        self._enobufs: dict[int | None, Counter[str]] = {}
        self._findings: list[str] = []

    def lines(self, summary: AttachmentSummary) -> list[str]:
        """A line for each socket whose calls were refused since the last summary, and for each finding that came or
        went."""
        return [*self._refused(summary), *self._diagnosed(summary)]

    def _refused(self, summary: AttachmentSummary) -> list[str]:
        now: dict[int | None, Counter[str]] = {}
        known: dict[int | None, SocketSummary | None] = {None: None}
        for socket in summary.sockets:
            now.setdefault(socket.number, Counter()).update(socket.enobufs_causes or {})
            known[socket.number] = None if socket.number is None else socket
        before, self._enobufs = self._enobufs, now
        found = []
        for number, causes in now.items():
            new = causes - before.get(number, Counter())
            if new:
                listed = ", ".join(f"{count} {cause}" for cause, count in sorted(new.items()))
                times = "once" if new.total() == 1 else f"{new.total()} times"
                found.append(f"ENOBUFS {times} ({listed}): {_name(known[number])}")
        return found

    def _diagnosed(self, summary: AttachmentSummary) -> list[str]:
        before, self._findings = self._findings, [finding.id for finding in summary.findings]
        came = [f"the diagnosis has {one} now" for one in self._findings if one not in before]
        return came + [f"the diagnosis has {one} no more" for one in before if one not in self._findings]
