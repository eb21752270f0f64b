"""The commands take code and settings from where they are installed, and from nowhere else.

What Python executes before the first line of a command (sitecustomize of PYTHONPATH, usercustomize of the user site) is
kept away by its option -I alone: docs/security.md.
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
    "import_msgspec",
    "own_settings",
    "python_command",
]

_CACHE_OF_MATPLOTLIB = "/run/zcprobe-matplotlib"
_LONGEST_LOCK_S = 60.0
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where this package is; it stays, wherever that is."""


OBJECTS_BETWEEN_COLLECTIONS = 20_000
"""What imports make stays. To look through it for garbage after every 700 objects, as Python does by itself, is a
twentieth of what a command takes to start."""

_PROGRAM = (
    "import gc, importlib, sys; end = sys.argv.index('--'); sys.path += sys.argv[2:end]; del sys.argv[2 : end + 1]; "
    f"gc.set_threshold({OBJECTS_BETWEEN_COLLECTIONS}); sys.modules['typing_extensions'] = None; "
    "importlib.import_module(sys.argv[1]).main(); gc.freeze()"
)
"""Frozen, what is left at the end goes with the process: Python would take 15 ms to collect it first. Without
`typing_extensions`, where other packages have brought it, msgspec takes what it needs from `typing`, which is the same
and 16 ms sooner there."""


def import_msgspec() -> None:
    """Without `typing_extensions`, as in the processes that are started by `python_command`."""
    name = "typing_extensions"
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]
        try:
            importlib.import_module("msgspec")
        finally:
            del sys.modules[name]


def _folder_of(package: str) -> str:
    """The folder in which this process finds it."""
    from importlib.util import find_spec

    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = os.path.dirname(spec.origin)
    return os.path.dirname(folder) if spec.submodule_search_locations else folder


def python_command(module: str, packages: tuple[str, ...], *words: str) -> list[str]:
    """A process that runs the module's main(), with `words` from sys.argv[2] on.

    It looks for modules in Python's own library and in the folders where this process finds `packages`, and nowhere
    else: neither in the current folder nor in PYTHONPATH nor among a user's packages. Without `site`, which would look
    there, it also starts sooner.
    """
    folders = dict.fromkeys(map(_folder_of, packages))
    return [sys.executable, "-I", "-S", "-c", _PROGRAM, module, *folders, "--", *words]


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
        # by its path alone: what may be searched, but not listed, is left as well
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
    """Where it would write its list of fonts, and make the folder of its settings."""
    home = os.path.expanduser("~")
    named = os.environ.get("MPLCONFIGDIR")
    of_user = [os.environ.get(f"XDG_{what}_HOME") or f"{home}/.{what.lower()}" for what in ("CACHE", "CONFIG")]
    return [named] if named else [f"{folder}/matplotlib" for folder in of_user]


def _remove_old_locks(folder: str) -> None:
    """Of a command that was killed while matplotlib wrote its list of fonts, which takes a moment: each later start
    would wait for the lock, and then write no list."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
            if entry.name.endswith(".matplotlib-lock") and age_s > _LONGEST_LOCK_S:
                os.unlink(entry.path)


def _is_roots_alone(path: str) -> bool:
    """Whether nobody else can put anything, a link least of all, on the way to it. What cannot be looked at is not:
    without CAP_DAC_OVERRIDE root has homes that it may not enter."""
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


@contextmanager
def own_settings() -> Iterator[None]:
    """For imports: matplotlib reads matplotlibrc while it is imported, in the current folder before all others; numpy's
    linear algebra, of which nothing here is large, starts a thread for each CPU, and they spin for a while."""
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
