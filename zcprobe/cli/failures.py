# SPDX-License-Identifier: GPL-2.0-only
"""Turns unforeseen exceptions into errors for people: the host refused something, or zcprobe has a defect."""

import errno

from zcprobe.errors import DefectError, HostError, OutputError, ZcprobeError

__all__ = ["as_error"]

_NO_FILE = {errno.EMFILE, errno.ENFILE}
_NO_MEMORY = {errno.ENOMEM, errno.EAGAIN}
"""fork() and clone() return EAGAIN when there are too many processes or threads."""
_NO_PLACE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EFBIG,
    errno.EIO,
    errno.EACCES,
    errno.EPERM,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
}
_NO_MOUNT = {
    errno.ESTALE,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EBUSY,
    errno.ELOOP,
    errno.EREMOTEIO,
}
"""Errors of files, which have a name. For a socket these numbers mean something else."""
_OF_HOST = ("/run/", "/var/run/", "/proc/", "/sys/")
_OF_RUN = "/proc/self/fd/"
"""The path by which this process reaches the folder of a run that it holds open."""
_MEMORY_WORDS = ("can't start new thread", "Cannot allocate memory", "cannot allocate memory")
"""Texts of RuntimeError and ImportError, which have no error number."""


def _of_system(error: OSError) -> ZcprobeError | None:
    reason = error.strerror or str(error)
    if error.errno in _NO_FILE:
        return HostError(f"no more files can be opened: {reason}", "raise the limit: ulimit -n 1024")
    if error.errno in _NO_MEMORY:
        return _no_memory(reason)
    if error.errno not in _NO_PLACE and (error.errno not in _NO_MOUNT or error.filename is None):
        return None
    if error.errno == errno.ENAMETOOLONG:
        return OutputError(f"{error.filename} is too long a name", "choose a shorter one")
    if error.filename is None:
        return OutputError(f"a file cannot be written: {reason}", "free some space, or raise the limit: ulimit -f")
    if str(error.filename).startswith(_OF_RUN):
        return OutputError(
            f"the folder that is written to is gone, or its disk is full: {reason}", "see who removed it, and run again"
        )
    name = "the current folder" if error.filename == "." else error.filename
    what = f"{name} cannot be read or written: {reason}"
    if str(error.filename).startswith(_OF_HOST):
        return HostError(what, "something took it away while zcprobe used it: zcprobe doctor --clean, and run again")
    return OutputError(what, "see that its disk has room, and that nobody has moved or locked it")


def _no_memory(reason: str) -> HostError:
    return HostError(
        f"not enough memory or processes: {reason}", "free some, or raise the limits: ulimit -v, ulimit -u"
    )


def as_error(error: Exception) -> ZcprobeError:
    """The ZcprobeError to tell in its place: HostError or OutputError where the system gave a reason, else
    DefectError."""
    text = " ".join(str(error).split())
    told = _of_system(error) if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS):
        told = _no_memory(text[:200] or "an allocation failed")
    elif isinstance(error, ImportError):
        reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
        told = HostError(f"a module cannot be loaded: {reason[0][:200]}", "make setup again, or raise ulimit -v")
    return told or DefectError(
        f"unexpected {type(error).__name__}: {text[:200]}",
        "this is a defect of zcprobe: run again with -v, and report what it shows",
    )
