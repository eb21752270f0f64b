# SPDX-License-Identifier: GPL-2.0-only
"""Fetches a QEMU of Debian's with all its libraries, in the cache of tests/apt.py; nothing is installed."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.apt import Apt, newest, unpack
from tests.senders.versions import Version
from zcprobe.errors import HostError

__all__ = ["Qemu", "fetch"]

_PACKAGE = "qemu-system-x86"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


class Qemu(msgspec.Struct, frozen=True, kw_only=True):
    """A QEMU below `root`; `package` is the version of Debian's package. `preload` is a library that it is started
    with."""

    root: Path
    package: str
    preload: Path | None = None

    @property
    def command(self) -> list[str]:
        """The words that start it with its own loader and libraries; its options follow."""
        return [
            str(self.root / "lib64/ld-linux-x86-64.so.2"),
            *("--library-path", str(self.root / _LIBRARIES)),
            *(("--preload", str(self.preload)) if self.preload else ()),
            str(self.root / "usr/bin/qemu-system-x86_64"),
            *("-L", str(self.root / "usr/share/qemu"), "-L", str(self.root / "usr/share/seabios")),
        ]

    @property
    def environment(self) -> dict[str, str]:
        return {"QEMU_MODULE_DIR": str(self.root / _LIBRARIES / "qemu")}


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
    return Qemu(root=root, package=package)
