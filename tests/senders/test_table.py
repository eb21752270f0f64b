# SPDX-License-Identifier: GPL-2.0-only
"""docs/qemu.md says what was measured. It is the last file of this folder, since the others measure."""

from tests.senders.table import measured_table, outcomes, written_table


def test_the_document_and_the_measurement_agree_in_every_outcome() -> None:
    assert outcomes(written_table()) == outcomes(measured_table())
