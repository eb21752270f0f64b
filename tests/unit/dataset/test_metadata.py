# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

import msgspec
import pytest

from zcprobe.dataset.metadata import read_metadata
from zcprobe.seal import sealed

_OLDER = next((Path(__file__).parents[2] / "data" / "version_2").glob("digests/*-qemu-pre-*/run.json"))


@pytest.mark.parametrize("written", ["a\u202eb", "a\x1bb", "a\x7fb", 'a"\x1b"b', "a\tb", "Grüße", "a\\b"])
def test_every_text_is_printable_however_it_is_written_in_the_file(tmp_path: Path, written: str) -> None:
    content = msgspec.json.decode(_OLDER.read_bytes())
    del content["sha256"]
    (tmp_path / "run.json").write_bytes(sealed({**content, "zcprobe_version": written}))
    found, damage = read_metadata(tmp_path / "run.json", "run")
    shown = written if written.isprintable() else written.encode("unicode_escape").decode()
    assert (found["zcprobe_version"], damage) == (shown, [])
