# SPDX-License-Identifier: GPL-2.0-only
"""The only list of the QEMU versions that the tests migrate with."""

import msgspec

from zcprobe.errors import UsageError

__all__ = ["VERSIONS", "Version", "find_version"]


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is what people call it by; `suites` are the Debian suites that it is fetched from, its own first.

    `machine` is the type of both virtual machines. `policy` is zcprobe's policy that does what this version does on
    ENOBUFS. `threads` is how the names of the sending threads begin. `guest_arrives`: whether its guests run on at the
    destination; those of 7.2 stop after a moment in emulation, without zerocopy too. `is_modelled`: whether the traffic
    of our own sender is like its own.
    """

    name: str
    suites: tuple[str, ...]
    machine: str
    policy: str
    threads: str = "mig/src/send_"
    guest_arrives: bool = True
    is_modelled: bool = True


VERSIONS: tuple[Version, ...] = (
    # it flushes once per section of memory, the others once per round, so it holds less optmem
    Version(
        name="7.2",
        suites=("bookworm",),
        machine="pc-q35-7.2",
        policy="qemu-pre",
        threads="multifdsend_",
        guest_arrives=False,
        is_modelled=False,
    ),
    Version(name="10.0", suites=("trixie",), machine="pc-q35-9.0", policy="qemu-pre"),
    Version(name="11.1", suites=("trixie-backports", "trixie"), machine="pc-q35-9.0", policy="qemu-shipped"),
)


def find_version(name: str) -> Version:
    """The version of that name; UsageError if there is none."""
    for version in VERSIONS:
        if version.name == name:
            return version
    raise UsageError(f"no QEMU {name!r}", f"one of: {', '.join(version.name for version in VERSIONS)}")
