"""The commands take code and settings from where they are installed, and from nowhere else.

What Python executes before the first line of a command (sitecustomize of PYTHONPATH, usercustomize of the user site) is
kept away by its option -I alone: docs/security.md.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["current_folder", "forget_foreign_folders", "own_settings"]

_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where this package is; it stays, wherever that is."""


def _named_by_environment() -> set[str]:
    """Folders of PYTHONPATH, where an empty name is the current one, and the user site."""
    named = os.environ.get("PYTHONPATH", "")
    folders = {os.path.abspath(name) for name in named.split(os.pathsep)} if named else set()
    user_site = getattr(sys.modules.get("site"), "USER_SITE", None)
    return folders | ({user_site} if user_site else set())


def forget_foreign_folders() -> None:
    """Takes from sys.path what Python put before the installed packages: the current folder, where `python -m` looks
    first, and for root also PYTHONPATH and the user site."""
    if sys.flags.isolated:
        return
    foreign = set() if sys.flags.safe_path else {sys.path[0]}
    if os.geteuid() == 0:
        foreign |= _named_by_environment()
    sys.path[:] = [folder for folder in sys.path if folder == _HOME or folder not in foreign]


@contextmanager
def current_folder(folder: str) -> Iterator[None]:
    """The process, or the thread that has a current folder of its own, is in that folder meanwhile."""
    try:
        before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:  # nothing can be read from it by a relative name either
        yield
        return
    try:
        os.chdir(folder)
        yield
    finally:
        with suppress(OSError):
            os.fchdir(before)
        os.close(before)


@contextmanager
def own_settings() -> Iterator[None]:
    """For imports: matplotlib reads matplotlibrc while it is imported, in the current folder before all others."""
    os.environ["MATPLOTLIBRC"] = os.devnull
    with current_folder("/"):
        yield
