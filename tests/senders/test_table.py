# SPDX-License-Identifier: GPL-2.0-only
"""docs/qemu.md says what was measured. It is the last file of this folder, since the others measure."""

from tests.senders.table import measured_table, outcomes, undetermined, written_table


def test_the_document_and_the_measurement_agree_in_every_outcome() -> None:
    written, measured = outcomes(written_table()), outcomes(measured_table())
    assert set(written) == set(measured) > undetermined()
    determined = set(written) - undetermined()
    assert {place: written[place] for place in determined} == {place: measured[place] for place in determined}
