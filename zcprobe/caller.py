"""The user behind sudo, to whom what root writes for somebody is given."""

import os

__all__ = ["caller_ids", "sudo_ids"]

_CAP_CHOWN = 0


def sudo_ids() -> tuple[int, int] | None:
    """uid and gid of who called sudo; None without sudo, or without root."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if not (uid.isdecimal() and gid.isdecimal()) or os.geteuid() != 0:
        return None
    return int(uid), int(gid)


def caller_ids() -> tuple[int, int] | None:
    """Who gets what root writes: uid and gid of who called sudo; None where it stays root's, as it does without sudo,
    and without CAP_CHOWN, with which alone a file can be given away."""
    ids = sudo_ids()
    return ids if ids is not None and _may_give() else None


def _may_give() -> bool:
    with open("/proc/thread-self/status") as status:  # pathlib takes longer to import than this module
        for line in status:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_CHOWN & 1)
    return False
