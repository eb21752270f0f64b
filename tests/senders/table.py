# SPDX-License-Identifier: GPL-2.0-only
"""Makes the table of docs/qemu.md from what the last make test-senders measured: python -m tests.senders.table"""

from collections.abc import Sequence
from pathlib import Path

from tests.senders.cells import CELLS, LIMITS_BYTES, rounds_of
from tests.senders.hypervisor import Observed
from tests.senders.model import POLICIES, Modelled
from tests.senders.results import load
from tests.senders.versions import VERSIONS

__all__ = ["BEGIN", "DOCUMENT", "END", "measured_table", "outcomes", "undetermined", "written_table"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "qemu.md"
BEGIN = "<!-- the table that python -m tests.senders.table writes -->"
END = "<!-- the end of that table -->"
_NOT_TRIED = "-"


def _told(is_survived: Sequence[bool], enobufs: Sequence[int]) -> str:
    """How one or several attempts with the same limit ended, and after how many ENOBUFS each."""
    survived = sum(is_survived)
    how = "survives" if survived == len(is_survived) else "fails" if not survived else "either in"
    counts = f"{min(enobufs)}" if min(enobufs) == max(enobufs) else f"{min(enobufs)} to {max(enobufs)}"
    times = f" {len(is_survived)} of {len(is_survived)}" if len(is_survived) > 1 else ""
    return f"{how}{times}, {counts} ENOBUFS"


def _by_version(name: str, optmem_bytes: int) -> str:
    cells = [cell for cell in CELLS if (cell.version.name, cell.optmem_bytes) == (name, optmem_bytes)]
    if not cells:
        return _NOT_TRIED
    seen = [load(f"qemu-{one}", Observed) for cell in cells for one in rounds_of(cell)]
    return _told([one.survived for one in seen], [one.enobufs for one in seen])


def _by_policy(policy: str, optmem_bytes: int) -> str:
    found = load(f"model-{policy}-{optmem_bytes}", Modelled)
    return _told([how == "completed" for how, _ in found.refused], [count for _, count in found.refused])


def measured_table() -> str:
    """The table as it was measured: a row for each limit, a column for each version, each followed by the policy that
    stands for it. FileNotFoundError if a cell was not measured."""
    columns: list[tuple[str, list[str]]] = []
    for policy in POLICIES:
        names = [version.name for version in VERSIONS if version.policy == policy]
        columns += [(f"QEMU {name}", [_by_version(name, limit) for limit in LIMITS_BYTES]) for name in names]
        columns.append((f"`{policy}`", [_by_policy(policy, limit) for limit in LIMITS_BYTES]))
    head = [f"| optmem_max | {' | '.join(name for name, _ in columns)} |", "|---" * (len(columns) + 1) + "|"]
    rows = [
        f"| {limit} | {' | '.join(cells[number] for _, cells in columns)} |"
        for number, limit in enumerate(LIMITS_BYTES)
    ]
    return "\n".join([*head, *rows])


def outcomes(table: str) -> dict[tuple[str, int], str]:
    """(column, limit) -> the word for how it ended, without the numbers of attempts and ENOBUFS, which differ from one
    measurement to the next."""
    head, _, *rows = ([cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines())
    cells = {(name, int(row[0])): text for row in rows for name, text in zip(head[1:], row[1:], strict=True)}
    return {place: text.split()[0].rstrip(",") for place, text in cells.items()}


def undetermined() -> set[tuple[str, int]]:
    """The cells, as `outcomes` names them, that end either way."""
    open_cells = [cell for cell in CELLS if cell.survives is None]
    versions = {(f"QEMU {cell.version.name}", cell.optmem_bytes) for cell in open_cells}
    return versions | {(cell.version.policy, cell.optmem_bytes) for cell in open_cells if cell.version.is_modelled}


def written_table() -> str:
    """The table that the document has."""
    return DOCUMENT.read_text().partition(f"{BEGIN}\n")[2].partition(f"\n{END}")[0]


def write_document() -> None:
    """Writes the table into the document; the text around it stays."""
    before, _, rest = DOCUMENT.read_text().partition(f"{BEGIN}\n")
    DOCUMENT.write_text(f"{before}{BEGIN}\n{measured_table()}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    write_document()
