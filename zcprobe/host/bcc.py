# SPDX-License-Identifier: GPL-2.0-only
"""The distribution's bcc: where this Python looks for it, and what it finds there."""

import sys
import sysconfig
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from zcprobe.errors import HostError
from zcprobe.host.packages import install_command
from zcprobe.installation import checkout

__all__ = ["find_bcc"]

_LIBRARIES = Path("/usr/lib")
_OF_DISTRIBUTIONS = ("python3*/dist-packages/bcc", "python3*/site-packages/bcc")


def _is_real(folder: Path) -> bool:
    """Whether this is the real bcc: the unrelated project of that name on PyPI has no libbcc.py."""
    return (folder / "libbcc.py").exists()


def _of_distribution() -> Path | None:
    """The folder of the distribution's package, whether or not this Python looks there."""
    folders = (folder for pattern in _OF_DISTRIBUTIONS for folder in sorted(_LIBRARIES.glob(pattern)))
    return next(filter(_is_real, folders), None)


def _how_to_get() -> str:
    tree, folder = checkout(), _of_distribution()
    if tree is not None:
        return f"make -C {tree} setup, which installs and links the distribution's bcc"
    if folder is None:
        return install_command("bcc")
    return f"link the distribution's bcc, which is installed: ln -s {folder} {sysconfig.get_path('purelib')}/bcc"


def _how_to_remove(path: Path) -> str:
    if path.is_relative_to(sysconfig.get_path("purelib")):
        return f"{sys.executable} -m pip uninstall bcc"
    return f"remove {path.parent} from the folders in which this Python looks (its .pth files name them)"


def _folders(spec: ModuleSpec) -> list[Path]:
    return [Path(folder) for folder in spec.submodule_search_locations or [str(Path(spec.origin or "").parent)]]


def find_bcc() -> Path:
    """The folder from which `import bcc` would import; nothing is imported. HostError if there is no module bcc, or if
    it is another project of that name."""
    spec = find_spec("bcc")
    if spec is None:
        raise HostError(
            f"{sys.executable} finds no module bcc, which loads the probes", f"{_how_to_get()}; or use --probes none"
        )
    folders = _folders(spec)
    found = next(filter(_is_real, folders), None)
    if found is not None:
        return found
    path = folders[0] if spec.submodule_search_locations else Path(spec.origin or "")
    raise HostError(
        f"the module bcc that {sys.executable} finds is another project: {path}",
        f"{_how_to_remove(path)}, then {_how_to_get()}; or use --probes none",
    )
