# SPDX-License-Identifier: GPL-2.0-only
"""Debian's packages, fetched with the host's own apt client and unpacked beside the host, never into it.

The cache has a folder for each kind of thing and suite. In it is `apt/`, a separate state of apt, and what was unpacked
last.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from zcprobe.errors import HostError

__all__ = ["Apt", "newest", "run", "unpack"]

_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FRESH_S = 24 * 3600
"""Time for which the cache is used before the suite is asked for something newer."""

_PAUSES_S = (5.0, 20.0, 60.0)
"""Pauses before a download is tried again. apt itself tries each file several times; a mirror that is being updated,
so that its lists do not match each other, needs minutes."""


def run(*words: str | Path, cwd: Path | None = None) -> str:
    """The output of a program; HostError with its last line if it fails."""
    try:
        result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise HostError(f"no program {words[0]}", "make installs what the tests need on Debian") from error
    if result.returncode:
        last_line = result.stderr.strip().rpartition("\n")[2]
        raise HostError(f"{words[0]} {words[-1]}: {last_line}", "the network and the apt configuration must work")
    return result.stdout


def _persistently(try_once: Callable[[], str]) -> str:
    """The result of the first try that succeeds; the HostError of the last one."""
    for pause_s in _PAUSES_S:
        try:
            return try_once()
        except HostError as error:
            print(f"{error}; next try in {pause_s:.0f} s", file=sys.stderr, flush=True)
            time.sleep(pause_s)
    return try_once()


def _mirrors() -> set[str]:
    targets = run("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    lines = (line.split("|") for line in targets.splitlines())
    return {uri for origin, label, uri in lines if (origin, label) == ("Debian", "Debian")}


def _mirror() -> str:
    """The mirror of Debian's archive in the host's apt configuration; its origin is known only after the host fetched
    its lists."""
    if not _mirrors():
        _persistently(lambda: run("apt-get", "-q", "update"))
    mirrors = sorted(_mirrors())
    if not mirrors:
        raise HostError("apt is not configured for a mirror of Debian", "add one to its sources; nothing is installed")
    return mirrors[0]


class Apt:
    """Runs the apt client with a separate state for some suites, in which no package is installed. Packages are those
    of the first suite; the others have what these depend on."""

    def __init__(self, folder: Path, suites: Sequence[str]) -> None:
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        signed_by = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
        mirror = _mirror()
        lines = [f"deb {signed_by}{mirror} {suite} main\n" for suite in suites]
        (folder / "sources.list").write_text("".join(lines))
        (folder / "status").touch()
        settings = {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Acquire::Languages": "none",
            "Acquire::Retries": 3,
            "Acquire::http::Timeout": 30,
            "APT::Architecture": "amd64",
            # the user _apt cannot enter a private cache folder
            "APT::Sandbox::User": "root",
        }
        self._archives = folder / "cache" / "archives"
        self._first = f"--target-release={suites[0]}"
        self._options = [f"--option={name}={value}" for name, value in settings.items()]
        self._get("update", "--error-on=any")

    def _get(self, *words: str, cwd: Path | None = None) -> None:
        _persistently(lambda: run("apt-get", *self._options, "-q", *words, cwd=cwd))

    def query(self, *words: str) -> list[str]:
        """The lines that apt-cache prints."""
        return run("apt-cache", *self._options, *words).splitlines()

    def version(self, package: str) -> str:
        """The newest version of a package in the first suite, without its epoch."""
        lines = self.query("show", self._first, "--no-all-versions", package)
        return next(line.split()[1].rpartition(":")[2] for line in lines if line.startswith("Version:"))

    def download(self, packages: list[str], folder: Path) -> list[Path]:
        """Downloads just these packages."""
        self._get("download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def download_whole(self, package: str) -> list[Path]:
        """Downloads the package of the first suite, and everything that it depends on, into the folder of apt's
        state."""
        shutil.rmtree(self._archives)
        (self._archives / "partial").mkdir(parents=True)
        self._get("install", "--download-only", "--yes", "--no-install-recommends", self._first, package)
        return sorted(self._archives.glob("*.deb"))


def unpack(packages: list[Path], root: Path) -> None:
    """Unpacks packages into the new folder `root`, with /usr merged, whatever the packages think of that."""
    for name in ("lib", "lib64", "bin", "sbin"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        # unlike dpkg-deb -x, tar keeps the link where a package has a folder
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], input=content, check=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zcprobe"


def _renew(folder: Path, find: Callable[[Path], tuple[str, Callable[[Path], None]]]) -> str:
    """The name of the folder of what is newest, which is unpacked if necessary; older ones go."""
    name, fill = find(folder / "apt")
    if (folder / name).exists():
        return name
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    fill(partial)
    for old in folder.glob("*_*"):
        shutil.rmtree(old)
    (partial / "root").rename(folder / name)
    shutil.rmtree(partial)
    return name


def newest(kind: str, suite: str, find: Callable[[Path], tuple[str, Callable[[Path], None]]]) -> Path:
    """The folder of the newest thing of a kind in a suite, from the cache, which is filled first if necessary.

    `find` is given the folder of apt's state. It returns a name that has the version after a `_`, and a function that
    unpacks the thing into the new folder `root` of the folder that it is given. If the mirror cannot be reached, an
    older one from the cache is used, and a line on stderr says so; HostError if there is none.
    """
    folder = _cache_folder() / kind / suite
    with _locked(folder):
        stamp = folder / "newest"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > _FRESH_S:
            try:
                stamp.write_text(_renew(folder, find))
            except HostError as error:
                if not stamp.exists():
                    raise
                print(f"{suite}: {error}; {stamp.read_text()} from the cache is used", file=sys.stderr, flush=True)
        return folder / stamp.read_text()
