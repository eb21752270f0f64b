# SPDX-License-Identifier: GPL-2.0-only
"""Compiles the C programs beside this file."""

import subprocess
from pathlib import Path

__all__ = ["build"]

_HERE = Path(__file__).parent


def build(name: str, folder: Path, *options: str) -> Path:
    """The program that was compiled from the file of that name into `folder`; CalledProcessError with the compiler's
    words."""
    program = folder / Path(name).stem
    words = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(_HERE / name), *options]
    subprocess.run(words, check=True)
    return program
