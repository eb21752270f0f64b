# SPDX-License-Identifier: GPL-2.0-only
"""docs/attach.md explains each finding, in the order in which findings are told."""

import re
from pathlib import Path

from zcprobe.format.diagnosis import DIAGNOSES

_PAGE = Path(__file__).parents[3] / "docs" / "attach.md"


def test_every_finding_has_a_section_in_the_order_of_severity() -> None:
    text = _PAGE.read_text()
    section = text[text.index("## What the findings mean") :]
    assert tuple(re.findall(r"^### (\S+)$", section, re.MULTILINE)) == DIAGNOSES
