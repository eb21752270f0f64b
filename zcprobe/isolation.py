# SPDX-License-Identifier: GPL-2.0-only
"""The commands take code and settings from where they are installed, and from nowhere else.

Only Python's option -I stops what Python executes before the first line of a command: sitecustomize from PYTHONPATH and
usercustomize from the user site (docs/security.md).
"""

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = [
    "OBJECTS_BETWEEN_COLLECTIONS",
    "current_folder",
    "forget_foreign_folders",
    "forget_settings",
    "import_msgspec",
    "own_settings",
    "python_command",
]

_CACHE_OF_MATPLOTLIB = "/run/zcprobe-matplotlib"
_LONGEST_LOCK_S = 60.0
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The folder of this package, which stays in sys.path wherever it is."""


OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""Objects that imports make live until the end. Searching them for garbage after every 700 new objects, Python's
default, would take a twentieth of the time in which a command starts."""

_PROGRAM = (
    "import gc, importlib, sys; end = sys.argv.index('--'); sys.path += sys.argv[2:end]; del sys.argv[2 : end + 1]; "
    f"gc.set_threshold({OBJECTS_BETWEEN_COLLECTIONS}); sys.modules['typing_extensions'] = None; "
    "importlib.import_module(sys.argv[1]).main(); gc.freeze()"
)
"""The program of a child process. At the end it freezes all objects, because collecting them would take Python 15 ms
before the process ends. It hides `typing_extensions`, which other packages may have installed: msgspec then uses
`typing`, which has the same names and takes 16 ms less to import."""


def import_msgspec() -> None:
    """Imports msgspec without `typing_extensions`, as the processes of `python_command` do."""
    name = "typing_extensions"
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]
        try:
            importlib.import_module("msgspec")
        finally:
            del sys.modules[name]


def _folder_of(package: str) -> str:
    """The folder in which this process finds the package."""
    from importlib.util import find_spec

    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = os.path.dirname(spec.origin)
    return os.path.dirname(folder) if spec.submodule_search_locations else folder


def python_command(module: str, packages: tuple[str, ...], *words: str) -> list[str]:
    """The command line of a process that runs the module's main(), with `words` from sys.argv[2] on.

    The process looks for modules only in Python's own library and in the folders where this process finds `packages`,
    not in the current folder, PYTHONPATH or a user's packages. It does not import `site`, which would look there, and
    so starts sooner.
    """
    folders = dict.fromkeys(map(_folder_of, packages))
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, module, *folders, "--", *words]


def _named_by_environment() -> set[str]:
    """The folders of PYTHONPATH, in which an empty name means the current folder, and the user site."""
    named = os.environ.get("PYTHONPATH", "")
    folders = {os.path.abspath(name) for name in named.split(os.pathsep)} if named else set()
    user_site = getattr(sys.modules.get("site"), "USER_SITE", None)
    return folders | ({user_site} if user_site else set())


def forget_foreign_folders() -> None:
    """Removes from sys.path what Python put before the installed packages: the current folder, where `python -m` looks
    first, and for root also PYTHONPATH and the user site."""
    if sys.flags.isolated:
        return
    foreign = set() if sys.flags.safe_path else {sys.path[0]}
    if os.geteuid() == 0:
        foreign |= _named_by_environment()
    sys.path[:] = [folder for folder in sys.path if folder == _HOME or folder not in foreign]


@contextmanager
def current_folder(folder: str) -> Iterator[None]:
    """Changes the current folder of the process, or of a thread that has its own, inside the context."""
    try:
        # O_PATH also opens a folder that may be searched but not listed
        before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
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


def _caches_of_matplotlib() -> list[str]:
    """Folders in which matplotlib would write its list of fonts and its settings."""
    home = os.path.expanduser("~")
    named = os.environ.get("MPLCONFIGDIR")
    of_user = [os.environ.get(f"XDG_{what}_HOME") or f"{home}/.{what.lower()}" for what in ("CACHE", "CONFIG")]
    return [named] if named else [f"{folder}/matplotlib" for folder in of_user]


def _remove_old_locks(folder: str) -> None:
    """Removes locks of commands that were killed while matplotlib wrote its list of fonts. Otherwise each later start
    would wait for such a lock, and then not write the list."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if entry.name.endswith(".matplotlib-lock") and age_s > _LONGEST_LOCK_S:
                os.unlink(entry.path)


def _is_roots_alone(path: str) -> bool:
    """Whether only root can change any folder on the path, for example by putting a link there. False for a path that
    cannot be examined: without CAP_DAC_OVERRIDE root may not enter some homes."""
    path = os.path.abspath(path)
    while True:
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            pass
        except OSError:
            return False
        else:
            if status.st_uid != 0 or status.st_mode & 0o022:
                return False
        if path == "/":
            return True
        path = os.path.dirname(path)


def forget_settings(prefix: str) -> None:
    """Removes the variables of the environment that begin so, before a library reads them that imports or writes what
    they name."""
    for name in [name for name in os.environ if name.startswith(prefix)]:
        del os.environ[name]


@contextmanager
def own_settings() -> Iterator[None]:
    """Imports inside this context use no settings of others. While it is imported, matplotlib reads a matplotlibrc,
    from the current folder before any other. numpy's linear algebra would start a thread for each CPU, which spin for a
    while, although nothing here is large enough to need them."""
    os.environ["MATPLOTLIBRC"] = os.devnull
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if os.geteuid() == 0 and not all(map(_is_roots_alone, _caches_of_matplotlib())):
        with suppress(OSError):
            os.mkdir(_CACHE_OF_MATPLOTLIB, 0o700)
        os.environ["MPLCONFIGDIR"] = _CACHE_OF_MATPLOTLIB
    for folder in _caches_of_matplotlib():
        _remove_old_locks(folder)
    with current_folder("/"):
        yield
