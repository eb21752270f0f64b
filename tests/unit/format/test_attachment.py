# SPDX-License-Identifier: GPL-2.0-only
"""docs/run-format.md names every member of an attachment's summary."""

from pathlib import Path

import msgspec
import pytest

from zcprobe.format.attachment import (
    AttachmentSummary,
    ProcessFacts,
    SocketSummary,
    ThreadSummary,
    UringSummary,
)
from zcprobe.format.diagnosis import Diagnosed

_DOCS = Path(__file__).parents[3] / "docs"
_STRUCTS = (AttachmentSummary, SocketSummary, ThreadSummary, ProcessFacts, UringSummary, Diagnosed)


@pytest.mark.parametrize("struct", _STRUCTS)
def test_every_member_is_documented(struct: type[msgspec.Struct]) -> None:
    text = (_DOCS / "run-format.md").read_text()
    section = text[text.index("### kernel, of an attachment") : text.index("## Long runs")]
    assert [name for name in struct.__struct_fields__ if f"`{name}`" not in section] == []


def test_what_was_not_seen_is_null_and_not_left_out() -> None:
    members = msgspec.json.decode(msgspec.json.encode(SocketSummary(protocol="tcp")))
    assert set(members) == set(SocketSummary.__struct_fields__)
    assert {value for name, value in members.items() if name != "protocol"} == {None}
