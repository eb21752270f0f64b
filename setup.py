# SPDX-License-Identifier: GPL-2.0-only
"""Builds the package, and its compiled core where that is possible: whoever only reads run folders needs no core.

ZCPROBE_CORE=required makes a core that cannot be built an error of the installation, as `make setup` wants it.
"""

import os
import re
import sys
import tempfile
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

_FAILURE = Path("zcprobe") / "native" / "build_failure.txt"
"""Where the reason is kept for the commands that need the core; zcprobe/installation.py reads it."""


class _KeptErrors:
    """What the block, and the programs that it starts, write to stderr: it goes on to stderr, and `text` has it."""

    text = ""

    def __enter__(self) -> "_KeptErrors":
        sys.stderr.flush()
        self._stderr = os.dup(2)
        self._file = tempfile.TemporaryFile()
        os.dup2(self._file.fileno(), 2)
        return self

    def __exit__(self, *_: object) -> None:
        sys.stderr.flush()
        os.dup2(self._stderr, 2)
        os.close(self._stderr)
        with self._file as file:
            file.seek(0)
            self.text = file.read().decode(errors="replace")
        sys.stderr.write(self.text)


def _reason(errors: str, error: Exception) -> str:
    """The first line in which the compiler or the linker names what is wrong; without one, the error itself."""
    named = (line for line in errors.splitlines() if re.search("error: |cannot find ", line))
    return next(named, str(error)).strip()


class BuildCore(build_ext):
    """setuptools warns of an optional extension that cannot be built, and goes on. pip hides that warning."""

    def run(self) -> None:
        # setuptools builds in a folder of its own also for an editable installation, and copies from there
        self._package_root = Path("." if self.inplace or self.editable_mode else self.build_lib)
        super().run()

    def build_extension(self, ext: Extension) -> None:
        ext.optional = os.environ.get("ZCPROBE_CORE") != "required"
        failure = self._package_root / _FAILURE
        failure.unlink(missing_ok=True)
        errors = _KeptErrors()
        try:
            with errors:
                super().build_extension(ext)
        except Exception as error:
            failure.parent.mkdir(parents=True, exist_ok=True)
            failure.write_text(_reason(errors.text, error) + "\n")
            raise


setup(cffi_modules=["zcprobe/native/build.py:ffibuilder"], cmdclass={"build_ext": BuildCore})
