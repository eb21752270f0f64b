# SPDX-License-Identifier: GPL-2.0-only
"""Fetches a distribution kernel with the host's own apt client, and unpacks it beside the host, never into it.

The cache folder has for each suite `apt/`, a separate state of apt, and `<release>_<version>/`, the unpacked packages
with their module index.
"""

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.guests.kernels import Kernel
from zcprobe.errors import HostError

__all__ = ["Image", "fetch"]

_METAPACKAGE = "linux-image-amd64"
_PARTS = re.compile(r"linux-(image|binary|modules|base)-\d")
"""Image and modules are one package up to 6.x and several from 7.x on. Other dependencies are only needed to install
them."""
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_FRESH_S = 24 * 3600
"""Time for which a cached kernel is used before the suite is asked for a newer one."""


class Image(msgspec.Struct, frozen=True):
    """`release` as uname -r prints it; `vmlinuz` lies in a tree with lib/modules/<release>."""

    release: str
    vmlinuz: Path


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "zcprobe" / "kernels"


def _run(*words: str | Path, cwd: Path | None = None) -> str:
    try:
        result = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise HostError(f"no program {words[0]}", "make test-kernels installs what it needs on Debian") from error
    if result.returncode:
        last_line = result.stderr.strip().rpartition("\n")[2]
        raise HostError(f"{words[0]} {words[-1]}: {last_line}", "the network and the apt configuration must work")
    return result.stdout


def _mirrors() -> set[str]:
    targets = _run("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages")
    lines = (line.split("|") for line in targets.splitlines())
    return {uri for origin, label, uri in lines if (origin, label) == ("Debian", "Debian")}


def _mirror() -> str:
    """The mirror of Debian's archive in the host's apt configuration; its origin is known only after the host fetched
    its lists."""
    if not _mirrors():
        _run("apt-get", "-q", "update")
    mirrors = sorted(_mirrors())
    if not mirrors:
        raise HostError("apt is not configured for a mirror of Debian", "add one to its sources; only kernels are used")
    return mirrors[0]


class _Apt:
    """Runs the apt client with a separate state for one suite."""

    def __init__(self, folder: Path, suite: str) -> None:
        for name in ("state/lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        signed_by = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
        (folder / "sources.list").write_text(f"deb {signed_by}{_mirror()} {suite} main\n")
        (folder / "status").touch()
        settings = {
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Acquire::Languages": "none",
            "APT::Architecture": "amd64",
            # the user _apt cannot enter a private cache folder
            "APT::Sandbox::User": "root",
        }
        self._options = [f"--option={name}={value}" for name, value in settings.items()]
        self._get("update", "--error-on=any")

    def _get(self, *words: str, cwd: Path | None = None) -> None:
        _run("apt-get", *self._options, "-q", *words, cwd=cwd)

    def _cache(self, *words: str) -> list[str]:
        return _run("apt-cache", *self._options, *words).splitlines()

    def version(self) -> str:
        lines = self._cache("show", "--no-all-versions", _METAPACKAGE)
        return next(line.split()[1] for line in lines if line.startswith("Version:"))

    def parts(self) -> list[str]:
        """The packages with the kernel itself."""
        kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
        lines = self._cache("depends", "--recurse", *(f"--no-{kind}" for kind in kinds), _METAPACKAGE)
        return [line for line in lines if _PARTS.match(line)]

    def download(self, packages: list[str], folder: Path) -> list[Path]:
        self._get("download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))


def _find_image(root: Path) -> Image:
    """HostError if the packages do not contain exactly one kernel in the usual place."""
    releases = [path.name for path in (root / "usr/lib/modules").iterdir()]
    candidates = [root / f"boot/vmlinuz-{releases[0]}", root / f"usr/lib/modules/{releases[0]}/vmlinuz"]
    found = [path for path in candidates if path.exists()]
    if len(releases) != 1 or not found:
        raise HostError(f"no kernel image in {root}", "the packages are laid out in a way unknown to tests/guests")
    return Image(releases[0], found[0])


def _unpack(packages: list[Path], root: Path) -> None:
    root.mkdir()
    # a package from before merged /usr has its modules below this link, where vng looks for them
    (root / "usr/lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    for package in packages:
        # unlike dpkg-deb -x, tar keeps the link where a package has a folder
        content = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], input=content, check=True)
    _run("depmod", "-b", root, _find_image(root).release)


def _install(kernel: Kernel, folder: Path) -> Path:
    """The folder of the suite's newest kernel, which is unpacked if necessary."""
    apt = _Apt(folder / "apt", kernel.suite)
    parts = apt.parts()
    release = next(name.removeprefix("linux-image-") for name in parts if name.startswith("linux-image-"))
    root = folder / f"{release}_{apt.version()}"
    if root.exists():
        return root
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    _unpack(apt.download(parts, partial), partial / "root")
    for old in folder.glob("*_*"):
        shutil.rmtree(old)
    (partial / "root").rename(root)
    shutil.rmtree(partial)
    return root


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fetch(kernel: Kernel) -> Image:
    """The kernel from the cache, which is filled first if necessary. HostError says why that failed."""
    folder = _cache_folder() / kernel.suite
    with _locked(folder):
        stamp = folder / "newest"
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > _FRESH_S:
            stamp.write_text(_install(kernel, folder).name)
        return _find_image(folder / stamp.read_text())
