# SPDX-License-Identifier: GPL-2.0-only
"""Faults during a run, each as `make torture` makes it: exit code, two lines, within the requested time plus 5 s,
nothing lost."""

import os

import pytest

from tests.torture.faults import FAULTS, Fault, try_fault

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

_LEFT_TO_TORTURE = ("files", "memory", "deadline")
CHOSEN = [
    fault
    for fault in FAULTS
    if not fault.name.endswith(_LEFT_TO_TORTURE) or fault.name in ("8-files", "500-MB-of-memory")
]


@pytest.mark.parametrize("fault", CHOSEN, ids=lambda fault: fault.name)
@pytest.mark.usefixtures("nothing_left")
def test_a_fault_has_its_documented_outcome(fault: Fault) -> None:
    assert try_fault(fault) == []
