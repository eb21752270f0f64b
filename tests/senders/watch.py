# SPDX-License-Identifier: GPL-2.0-only
"""What anybody can see of a sender while it sends: the names of its threads, and the optmem of its sockets by ss."""

import re
from pathlib import Path

from tests.outside import inside

__all__ = ["Watch", "optmem_of_sockets"]

_OPTMEM = re.compile(r"\bo(\d+)\b")


def optmem_of_sockets(text: str) -> list[int]:
    """Bytes of optmem of each socket, as `ss -tmnHO` prints them."""
    return [int(_OPTMEM.search(line.partition("skmem:(")[2])[1]) for line in text.splitlines() if "skmem:(" in line]


class Watch:
    """`names`: tid -> name of every thread that was seen. `optmem_peak_bytes`: the most that a socket was seen to hold;
    what it held between two looks is not known."""

    def __init__(self, pid: int, namespace: str) -> None:
        self._pid, self._namespace = pid, namespace
        self.names: dict[int, str] = {}
        self.optmem_peak_bytes = 0

    def look(self) -> None:
        self._read_names()
        listed = inside(self._namespace, "ss", "-tmnHO", "state", "established")
        self.optmem_peak_bytes = max([self.optmem_peak_bytes, *optmem_of_sockets(listed)])

    def _read_names(self) -> None:
        for task in Path(f"/proc/{self._pid}/task").iterdir():
            try:
                self.names[int(task.name)] = (task / "comm").read_text().strip()
            except (FileNotFoundError, ProcessLookupError):
                continue
