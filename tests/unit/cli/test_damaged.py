# SPDX-License-Identifier: GPL-2.0-only
"""Folders that are not as recorded, and what somebody wrote into one, through the commands that read run folders."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from zcprobe.dataset.integrity import DAMAGED
from zcprobe.seal import sealed

Told = Callable[..., Any]

VERBS = (("report", "-o", "-"), ("plot",), ("export", "--format", "csv", "--table", "sends"), ("export",))
_HOSTILE = "\x1b]0;owned\x07 \u202egnp.exe <script>alert(1)</script> $x^$ \x9b2J"


@pytest.fixture
def recorded(data: Path, tmp_path: Path) -> Path:
    """A copy of a run with digests."""
    return Path(shutil.copytree(next(data.glob("../version_2/digests/*-qemu-merged-*")), tmp_path / "run"))


def _drop_row(folder: Path) -> None:
    path = folder / "sends.parquet"
    pd.read_parquet(path).iloc[1:].to_parquet(path)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_changed_folder_is_refused_or_taken_and_told(zcprobe: Told, recorded: Path, verb: tuple[str, ...]) -> None:
    _drop_row(recorded)
    result = zcprobe(verb[0], recorded, *verb[1:])
    assert (result.code, result.output) == (2, b"")
    assert len(result.error) == 2
    assert "sends.parquet has" in result.error[0]
    assert "--allow-damaged" in result.error[1]
    allowed = zcprobe(verb[0], recorded, "--allow-damaged", *verb[1:])
    assert (allowed.code, len(allowed.error)) == (0, 1)
    assert allowed.error[0].startswith(f"zcprobe: {DAMAGED}: run: sends.parquet has")
    if verb[-1] in ("-", "export"):
        assert DAMAGED in allowed.output.decode()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_pipe_in_a_folder_is_not_waited_for(zcprobe: Told, recorded: Path, verb: tuple[str, ...]) -> None:
    for name in ("sends.parquet", "run.json"):
        (recorded / name).unlink()
        os.mkfifo(recorded / name)
        for option in ((), ("--allow-damaged",), ("--skip-damaged",)):
            result = zcprobe(verb[0], recorded, *option, *verb[1:])
            assert (result.code, result.output) == (2, b"")
            assert f"{name} is a pipe, not a plain file" in "".join(result.error)


def _write_into(folder: Path, text: str) -> Path:
    """Puts it into every text of run.json, with the right digest, and into the folder's name."""
    content = msgspec.json.decode((folder / "run.json").read_bytes())
    content.pop("sha256")
    for members in (content, content["host"], content["lab"], content["scenario"], content["config"]):
        for name in ("zcprobe_version", "run_id", "kernel_release", "cpu_model", "distribution", "description", "to"):
            if name in members:
                members[name] = text
    content["lab"]["impairment"][text[:40]] = text
    content["summary"]["error"] = content["channels"][0]["error"] = text
    content["warnings"] = [{"id": text, "text": text}]
    content["reconciliation"][0] |= {"what": text, "holds": False}
    (folder / "run.json").write_bytes(sealed(content))
    return folder.rename(folder.with_name(f"a\x1b[2J\u202e<b>{folder.name}"))


@pytest.mark.parametrize(
    "verb", [*VERBS, ("plot", "--figure", "late_completions"), ("export", "--format", "openmetrics")], ids=" ".join
)
def test_what_somebody_wrote_is_shown_and_obeyed_by_nothing(
    zcprobe: Told, recorded: Path, verb: tuple[str, ...]
) -> None:
    result = zcprobe(verb[0], _write_into(recorded, _HOSTILE), *verb[1:])
    assert result.code == 0, result.error
    text = result.output.decode() + "".join(result.error)
    assert not set(text) & set("\x1b\x07\u202e\x9b")
    assert "<script>" not in text or verb[0] == "export"
    assert "<b>run" not in text or verb[0] == "export"
    if verb[0] != "plot":
        assert r"\x1b" in text


@pytest.mark.parametrize("format_", ["jsonl", "trace"])
def test_nor_in_json(zcprobe: Told, recorded: Path, format_: str) -> None:
    result = zcprobe("export", _write_into(recorded, _HOSTILE), "--format", format_)
    assert result.code == 0, result.error
    for line in result.output.splitlines() if format_ == "jsonl" else [result.output]:
        assert not set(str(msgspec.json.decode(line))) & set("\x1b\x07\u202e\x9b")
    assert rb"\\x1b" in result.output


def test_an_error_about_such_a_folder_is_two_lines(zcprobe: Told, recorded: Path) -> None:
    folder = recorded.rename(recorded.with_name("a\nb\x1b[2J\u202e"))
    (folder / "run.json").write_bytes(b"{")
    result = zcprobe("export", folder)
    assert (result.code, len(result.error)) == (2, 2)
    assert r"a\nb\x1b[2J\u202e/run.json" in result.error[0]
