# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel and which distribution this is."""

import os
import re
import shlex
from pathlib import Path

from zcprobe.format.host import SystemFacts

__all__ = ["parse_os_release", "read_os_release", "read_system"]

_OS_RELEASE = (Path("/etc/os-release"), Path("/usr/lib/os-release"))
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOCKDOWN = Path("/sys/kernel/security/lockdown")


def parse_os_release(text: str) -> dict[str, str]:
    """Keys and unquoted values of an os-release file: shell assignments, see os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#") and "=" in line)
    return {key.strip(): " ".join(shlex.split(value)) for key, _, value in pairs}


def read_os_release() -> dict[str, str]:
    """The os-release of this distribution; empty if it has none."""
    for path in _OS_RELEASE:
        if path.exists():
            return parse_os_release(path.read_text())
    return {}


def _parse_lockdown(text: str) -> str | None:
    """The mode in brackets of `none [integrity] confidentiality`."""
    match = re.search(r"\[(\w+)\]", text)
    return match.group(1) if match else None


def read_system() -> SystemFacts:
    uname = os.uname()
    return SystemFacts(
        kernel_release=uname.release,
        kernel_version=uname.version,
        machine=uname.machine,
        distribution=read_os_release().get("PRETTY_NAME", "unknown"),
        boot_id=_BOOT_ID.read_text().strip(),
        lockdown=_parse_lockdown(_LOCKDOWN.read_text()) if _LOCKDOWN.exists() else None,
    )
