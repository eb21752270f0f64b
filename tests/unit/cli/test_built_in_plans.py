# SPDX-License-Identifier: GPL-2.0-only
"""Built-in plans on the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Told = Callable[..., Any]


def test_its_name_is_a_plan_and_a_file_of_that_name_needs_a_path(
    zcprobe: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crossover").write_text('length = ["4K", "8K"]\n')
    assert b"24 points in 5 blocks are 120 runs" in zcprobe("campaign", "crossover", "--dry-run").output
    assert b"12 points in 3 blocks are 36 runs" in zcprobe("campaign", "crossover", "--quick", "--dry-run").output
    assert b"2 points in 5 blocks" in zcprobe("campaign", str(tmp_path / "crossover"), "--dry-run").output
    refused = zcprobe("campaign", str(tmp_path / "crossover"), "--quick", "--dry-run")
    assert refused.code == 2
    assert "--quick is an option of built-in plans" in refused.error[0]
