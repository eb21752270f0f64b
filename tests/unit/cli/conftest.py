# SPDX-License-Identifier: GPL-2.0-only
"""The command in this process, on copies of the shipped runs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zcprobe.cli.main import main

Told = Callable[..., "Result"]


class Result(msgspec.Struct, frozen=True):
    """The results of a call; `error` has the lines of stderr."""

    code: int
    output: bytes
    error: list[str]


@pytest.fixture
def zcprobe(capfdbinary: pytest.CaptureFixture[bytes]) -> Told:
    def call(*words: str | Path) -> Result:
        code = main([str(word) for word in words])
        captured = capfdbinary.readouterr()
        return Result(code, captured.out, captured.err.decode().splitlines())

    return call


@pytest.fixture
def data() -> Path:
    return Path(__file__).parents[2] / "data" / "version_1"


@pytest.fixture
def damaged(data: Path, tmp_path: Path) -> Path:
    """A copy of a run for a test to damage."""
    return Path(shutil.copytree(next(data.glob("held-completions/*-qemu-merged-*")), tmp_path / "run"))
