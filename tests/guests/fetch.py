# SPDX-License-Identifier: GPL-2.0-only
"""Fetches a distribution kernel: its unpacked packages with their module index, in the cache of tests/apt.py."""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from tests.apt import Apt, newest, run, unpack
from tests.guests.kernels import Kernel
from zcprobe.errors import HostError

__all__ = ["Image", "fetch"]

_METAPACKAGE = "linux-image-amd64"
_PARTS = re.compile(r"linux-(image|binary|modules|base)-\d")
"""Image and modules are one package up to 6.x and several from 7.x on. Other dependencies are only needed to install
them."""


class Image(msgspec.Struct, frozen=True):
    """`release` as uname -r prints it; `vmlinuz` lies in a tree with lib/modules/<release>."""

    release: str
    vmlinuz: Path


def _parts(apt: Apt) -> list[str]:
    """The packages with the kernel itself."""
    kinds = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
    lines = apt.query("depends", "--recurse", *(f"--no-{kind}" for kind in kinds), _METAPACKAGE)
    return [line for line in lines if _PARTS.match(line)]


def _find_image(root: Path) -> Image:
    """HostError if the packages do not contain exactly one kernel in the usual place."""
    releases = [path.name for path in (root / "usr/lib/modules").iterdir()]
    candidates = [root / f"boot/vmlinuz-{releases[0]}", root / f"usr/lib/modules/{releases[0]}/vmlinuz"]
    found = [path for path in candidates if path.exists()]
    if len(releases) != 1 or not found:
        raise HostError(f"no kernel image in {root}", "the packages are laid out in a way unknown to tests/guests")
    return Image(releases[0], found[0])


def _find(apt_folder: Path, suite: str) -> tuple[str, Callable[[Path], None]]:
    """The suite's newest kernel, as `newest` wants it."""
    apt = Apt(apt_folder, [suite])
    parts = _parts(apt)
    release = next(name.removeprefix("linux-image-") for name in parts if name.startswith("linux-image-"))

    def fill(folder: Path) -> None:
        root = folder / "root"
        unpack(apt.download(parts, folder), root)
        run("depmod", "-b", root, _find_image(root).release)

    return f"{release}_{apt.version(_METAPACKAGE)}", fill


def fetch(kernel: Kernel) -> Image:
    """The kernel from the cache, which is filled first if necessary. HostError says why that failed."""
    return _find_image(newest("kernels", kernel.suite, lambda apt_folder: _find(apt_folder, kernel.suite)))
