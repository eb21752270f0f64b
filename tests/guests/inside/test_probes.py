# SPDX-License-Identifier: GPL-2.0-only
"""docs/probes.md agrees with what tests/kernel/probes/test_mechanisms.py found attached earlier in this guest."""

import re
from pathlib import Path

from tests.guests.inside.conftest import tracefs_has
from tests.guests.kernels import Kernel
from tests.guests.probe_table import DOCUMENT, read_measured, structure


def test_probes_attach_to_what_the_document_says(kernel: Kernel, kept_folder: Path) -> None:
    measured = read_measured(kept_folder)
    assert set(measured.costs) - {"tracepoint"} == {"fentry", "kprobe"}
    assert ("tracepoint" in measured.costs) == tracefs_has("sock_send_length")
    (section,) = re.findall(rf"^## {re.escape(kernel.name)} .*?(?=^## |\Z)", DOCUMENT.read_text(), re.M | re.S)
    for beginning in structure(measured):
        assert f"\n{beginning} " in section
