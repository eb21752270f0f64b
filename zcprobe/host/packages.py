# SPDX-License-Identifier: GPL-2.0-only
"""Names of the system packages that zcprobe needs, by distribution."""

from zcprobe.host.system import read_os_release

__all__ = ["install_command"]

_COMMANDS = {
    "debian": "apt-get install",
    "fedora": "dnf install",
    "arch": "pacman -S",
}
_PACKAGES = {
    "bcc": {"debian": "python3-bpfcc", "fedora": "python3-bcc", "arch": "python-bcc"},
    "libbpf": {"debian": "libbpf-dev", "fedora": "libbpf-devel", "arch": "libbpf"},
    "libseccomp": {"debian": "libseccomp-dev", "fedora": "libseccomp-devel", "arch": "libseccomp"},
    "iproute2": {"debian": "iproute2", "fedora": "iproute iproute-tc", "arch": "iproute2"},
}


def install_command(thing: str, os_release: dict[str, str] | None = None) -> str:
    """The command that installs `thing` (a row of _PACKAGES) on this distribution, or on the one it is derived from.

    For an unknown distribution: the names that the known distributions use.
    """
    release = read_os_release() if os_release is None else os_release
    names = _PACKAGES[thing]
    for family in [release.get("ID", ""), *release.get("ID_LIKE", "").split()]:
        if family in _COMMANDS:
            return f"{_COMMANDS[family]} {names[family]}"
    return "install " + ", ".join(f"{name} ({family.capitalize()})" for family, name in names.items())
