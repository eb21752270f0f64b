# SPDX-License-Identifier: GPL-2.0-only
"""How a command ends."""

import subprocess
import sys

import pytest

_PROGRAM = """
import atexit, sys
atexit.register(print, "called at the end")
sys.argv = ["zcprobe", *sys.argv[1:]]
from zcprobe.cli.main import main
main()
print("still there")
"""


@pytest.mark.parametrize(("words", "code"), [(["policies"], 0), (["plot", "/nowhere"], 2)])
def test_who_asked_to_be_called_at_the_end_is(words: list[str], code: int) -> None:
    command = [sys.executable, "-c", _PROGRAM, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert done.stdout.endswith("called at the end\n")
