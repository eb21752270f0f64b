# SPDX-License-Identifier: GPL-2.0-only
"""BCC has clang look for headers in the current folder, which must not change a program."""

import os
from pathlib import Path

import pytest

from zcprobe.probes.bcc_backend import Program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root")

HEADERS = ("linux/types.h", "linux/bpf.h", "linux/version.h", "linux/kconfig.h")


def test_headers_of_the_current_folder_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in HEADERS:
        for place in (tmp_path / name, tmp_path / "include" / name):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("#error the current folder was included\n")
    monkeypatch.chdir(tmp_path)
    program = Program("#include <linux/types.h>\nBPF_ARRAY(numbers, u32, 1);\n", {})
    try:
        assert Path.cwd() == tmp_path
    finally:
        program.close()
