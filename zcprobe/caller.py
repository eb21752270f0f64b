# SPDX-License-Identifier: GPL-2.0-only
"""The user behind sudo, who gets what root writes."""

import os

__all__ = ["caller_ids", "sudo_ids"]

_CAP_CHOWN = 0


def sudo_ids() -> tuple[int, int] | None:
    """uid and gid of the user who called sudo; None without sudo or without root."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if not (uid.isdecimal() and gid.isdecimal()) or os.geteuid() != 0:
        return None
    return int(uid), int(gid)


def caller_ids() -> tuple[int, int] | None:
    """uid and gid of the user who gets what root writes: the one who called sudo. None where files stay root's: without
    sudo, or without CAP_CHOWN, which giving a file away needs."""
    ids = sudo_ids()
    return ids if ids is not None and _may_give() else None


def _may_give() -> bool:
    with open("/proc/thread-self/status") as status:  # pathlib takes longer to import than this module
        for line in status:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_CHOWN & 1)
    return False
