# SPDX-License-Identifier: GPL-2.0-only
"""Every source file says what its licence is, in the line that `reuse lint` reads."""

from pathlib import Path

_LINE = "SPDX-License-" + "Identifier: GPL-2.0-only"  # in one piece it would be taken for this file's own
_ROOT = Path(__file__).parents[2]
_FOLDERS = ("bench", "bpf", "tests", "tools", "zcprobe")
_SUFFIXES = (".c", ".h", ".py", ".sh")


def test_the_licence_stands_in_the_first_lines() -> None:
    files = [path for folder in _FOLDERS for path in (_ROOT / folder).rglob("*") if path.suffix in _SUFFIXES]
    sources = [path for path in files if path.stat().st_size and not path.name.startswith("_core.")]
    assert len(sources) > 300
    assert [path for path in sources if not any(_LINE in line for line in path.read_text().split("\n", 3)[:3])] == []
