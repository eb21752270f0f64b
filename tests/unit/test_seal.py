# SPDX-License-Identifier: GPL-2.0-only
import hashlib
import subprocess
from pathlib import Path

import msgspec
import pytest

from zcprobe.seal import is_sealed, seal_of, sealed

_RAW = sealed({"format_version": 2, "text": 'a "quoted" one', "nested": {"a": [1, 2]}})


def test_a_sealed_object_is_the_same_object_and_its_digest() -> None:
    content = msgspec.json.decode(_RAW)
    assert content.pop("sha256") == seal_of(_RAW)
    assert content == {"format_version": 2, "text": 'a "quoted" one', "nested": {"a": [1, 2]}}
    assert is_sealed(_RAW) == "whole"


def test_the_document_says_how_to_check_it_without_zcprobe(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(_RAW)
    text = (Path(__file__).parents[2] / "docs" / "run-format.md").read_text()
    command = next(line.strip() for line in text.splitlines() if line.strip().startswith("head -c -68"))
    told = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert told.split()[0] == seal_of(_RAW) == hashlib.sha256(_RAW[:-68]).hexdigest()


def test_every_flip_and_every_cut_is_seen() -> None:
    for place in range(len(_RAW)):
        assert is_sealed(_RAW[:place]) != "whole"
        for bit in range(8):
            assert is_sealed(_RAW[:place] + bytes([_RAW[place] ^ (1 << bit)]) + _RAW[place + 1 :]) != "whole"


@pytest.mark.parametrize("added", [b"\n", b" ", b"}", b"\0", _RAW])
def test_what_is_added_behind_it_is_seen(added: bytes) -> None:
    assert is_sealed(_RAW + added) != "whole"


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"sha256": 7}', b"\n}\n"])
def test_what_never_had_a_digest_has_none(raw: bytes) -> None:
    assert is_sealed(raw) == "missing"
    assert seal_of(raw) is None
