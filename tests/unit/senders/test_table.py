# SPDX-License-Identifier: GPL-2.0-only
"""The table of docs/qemu.md has every cell, and says of each what the tests expect."""

import pytest

from tests.senders.cells import CELLS, LIMITS_BYTES, Cell
from tests.senders.model import POLICIES
from tests.senders.table import outcomes, undetermined, written_table
from tests.senders.versions import VERSIONS


def test_every_version_and_policy_has_a_column_and_every_limit_a_row() -> None:
    columns = {*POLICIES, *(f"QEMU {version.name}" for version in VERSIONS)}
    assert set(outcomes(written_table())) == {(column, limit) for column in columns for limit in LIMITS_BYTES}


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.survives is not None], ids=str)
def test_the_document_says_how_each_cell_ends(cell: Cell) -> None:
    expected, written = "survives" if cell.survives else "fails", outcomes(written_table())
    assert written[f"QEMU {cell.version.name}", cell.optmem_bytes] == expected
    if cell.version.is_modelled:
        assert written[cell.version.policy, cell.optmem_bytes] == expected


def test_numbers_of_refusals_are_no_outcome() -> None:
    head = "| optmem_max | `kill` |\n|---|---|\n"
    assert outcomes(f"{head}| 20480 | fails 3 of 3, 3 to 7 ENOBUFS |") == {("kill", 20480): "fails"}


def test_a_cell_that_ends_either_way_is_one_of_the_table() -> None:
    assert undetermined() < set(outcomes(written_table()))
    assert ("QEMU 11.1", 20480) not in undetermined()
