"""The user behind sudo, to whom what root writes for somebody is given."""

import os

__all__ = ["caller_ids"]


def caller_ids() -> tuple[int, int] | None:
    """uid and gid of who called sudo; None without sudo, or without root."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if not (uid.isdecimal() and gid.isdecimal()) or os.geteuid() != 0:
        return None
    return int(uid), int(gid)
