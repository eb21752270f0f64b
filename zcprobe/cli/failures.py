"""Exceptions that nobody foresaw, as the errors that people read: what the host withheld, or a defect."""

import errno

from zcprobe.errors import DefectError, HostError, OutputError, ZcprobeError

__all__ = ["as_error"]

_NO_FILE = {errno.EMFILE, errno.ENFILE}
_NO_MEMORY = {errno.ENOMEM, errno.EAGAIN}
"""EAGAIN is what fork() and clone() say to one process or thread too many."""
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
_MEMORY_WORDS = ("can't start new thread", "Cannot allocate memory", "cannot allocate memory")
"""Of RuntimeError and ImportError, which have no number."""


def _of_system(error: OSError) -> ZcprobeError | None:
    reason = error.strerror or str(error)
    if error.errno in _NO_FILE:
        return HostError(f"no more files can be opened: {reason}", "raise the limit: ulimit -n 1024")
    if error.errno in _NO_MEMORY:
        return _no_memory(reason)
    if error.errno in _NO_PLACE and error.filename is not None:
        return OutputError(
            f"{error.filename} cannot be read or written: {reason}",
            "see that its disk has room, and that nobody has moved or locked it",
        )
    if error.errno in _NO_PLACE - {errno.ENOENT, errno.ENOTDIR}:
        return OutputError(f"a file cannot be written: {reason}", "free some space, or raise the limit: ulimit -f")
    return None


def _no_memory(reason: str) -> HostError:
    return HostError(
        f"not enough memory or processes: {reason}", "free some, or raise the limits: ulimit -v, ulimit -u"
    )


def as_error(error: Exception) -> ZcprobeError:
    """The ZcprobeError to tell instead of it: HostError or OutputError where the system said why, else DefectError."""
    text = " ".join(str(error).split())
    told = _of_system(error) if isinstance(error, OSError) else None
    if isinstance(error, MemoryError) or any(words in text for words in _MEMORY_WORDS):
        told = _no_memory(text or "an allocation failed")
    return told or DefectError(
        f"unexpected {type(error).__name__}: {text[:200]}",
        "this is a defect of zcprobe: run again with -v, and report what it shows",
    )
