# SPDX-License-Identifier: GPL-2.0-only
"""Fetches a QEMU of Debian's with all its libraries, in the cache of tests/apt.py; nothing is installed."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.apt import Apt, newest, unpack
from tests.senders.versions import Version
from zcprobe.errors import HostError

__all__ = ["Qemu", "fetch", "unpacked"]

_PACKAGE = "qemu-system-x86"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


class Qemu(msgspec.Struct, frozen=True, kw_only=True):
    """A QEMU that can be started: the words of its `command`, which its options follow, and what it needs in its
    environment. `package` is the version of Debian's package, or the file of a QEMU of somebody's own."""

    command: list[str]
    environment: dict[str, str] = {}
    package: str

    def preloading(self, library: Path) -> "Qemu":
        """The same one, with a library that takes the place of functions."""
        return msgspec.structs.replace(self, environment={**self.environment, "LD_PRELOAD": str(library)})


def unpacked(root: Path, package: str) -> Qemu:
    """The QEMU in the folder of unpacked packages, with its own loader and libraries."""
    words = [str(root / "lib64/ld-linux-x86-64.so.2"), "--library-path", str(root / _LIBRARIES)]
    words += [str(root / "usr/bin/qemu-system-x86_64")]
    words += ["-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios")]
    return Qemu(command=words, environment={"QEMU_MODULE_DIR": str(root / _LIBRARIES / "qemu")}, package=package)


def _find(apt_folder: Path, suites: tuple[str, ...]) -> tuple[str, Callable[[Path], None]]:
    apt = Apt(apt_folder, suites)

    def fill(folder: Path) -> None:
        packages = apt.download_whole(_PACKAGE)
        unpack(packages, folder / "root")
        for package in packages:
            package.unlink()

    return f"qemu_{apt.version(_PACKAGE)}", fill


def fetch(version: Version) -> Qemu:
    """That QEMU from the cache, which is filled first if necessary. HostError says why that failed."""
    root = newest("qemu", version.suites[0], lambda apt_folder: _find(apt_folder, version.suites))
    package = root.name.partition("_")[2]
    if not package.startswith(version.name):
        raise HostError(
            f"{version.suites[0]} has QEMU {package}, and not {version.name}",
            "find out how the new version behaves, then change tests/senders/versions.py",
        )
    return unpacked(root, package)
