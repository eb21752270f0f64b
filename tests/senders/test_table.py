# SPDX-License-Identifier: GPL-2.0-only
"""docs/qemu.md says what was measured, and attach was right of enough migrations. It is the last file of this folder,
since the others measure."""

from tests.senders.cells import ROUNDS
from tests.senders.hypervisor import Observed
from tests.senders.results import load
from tests.senders.table import measured_table, outcomes, undetermined, written_table
from tests.senders.verdicts import enobufs_by_attach, enobufs_by_strace, first_finding_is_right

_ENOUGH = 12


def test_attach_was_right_of_every_migration_and_these_are_enough() -> None:
    seen = {str(one): load(f"qemu-{one}", Observed) for one in ROUNDS}
    refused = {name: of for name, of in seen.items() if enobufs_by_strace(of)}
    assert len(refused) >= _ENOUGH
    assert [name for name, of in refused.items() if enobufs_by_attach(of) != enobufs_by_strace(of)] == []
    assert [name for name, of in refused.items() if not first_finding_is_right(of)] == []


def test_the_document_and_the_measurement_agree_in_every_outcome() -> None:
    written, measured = outcomes(written_table()), outcomes(measured_table())
    assert set(written) == set(measured) > undetermined()
    determined = set(written) - undetermined()
    assert {place: written[place] for place in determined} == {place: measured[place] for place in determined}
