# SPDX-License-Identifier: GPL-2.0-only
"""RLIMIT_MEMLOCK refused to pin the pages of a send."""

from zcprobe.analysis.diagnosis.senders import total, zerocopy_sockets
from zcprobe.format.attachment import Observation, ProcessFacts, SocketSummary
from zcprobe.format.causes import MEMLOCK_CAUSES
from zcprobe.format.diagnosis import Diagnosed

__all__ = ["memlock"]


def memlock(seen: Observation) -> Diagnosed | str | None:
    """One refused call is enough for a finding: the limit is the user's, so more senders only make it worse."""
    sockets = zerocopy_sockets(seen)
    refused = [(socket, count) for socket in sockets if (count := _refused(socket))]
    if not refused:
        unknown = any(socket.enobufs != 0 and socket.enobufs_causes is None for socket in sockets)
        return "why a send was refused" if unknown else None
    process = _process_of(refused[0][0], seen.processes)
    count = sum(calls for _, calls in refused)
    calls = "One send call" if count == 1 else f"{count:,} send calls"
    return Diagnosed(
        id="memlock",
        what=f"{calls} returned ENOBUFS because of RLIMIT_MEMLOCK.{_limit(process)}{_capability(process)}",
        evidence={
            "enobufs_memlock_count": count,
            "memlock_limit_bytes": process.memlock_limit_bytes if process else None,
            "locked_bytes_of_user": process.locked_bytes_of_user if process else None,
            "has_cap_ipc_lock": _yes_or_no(process),
            "send_bytes_median": refused[0][0].send_bytes_median,
            "outstanding_max": total(socket.outstanding_max for socket, _ in refused),
        },
        do=_raise_limit(process),
    )


def _refused(socket: SocketSummary) -> int:
    causes = socket.enobufs_causes or {}
    return sum(causes.get(cause, 0) for cause in MEMLOCK_CAUSES)


def _process_of(socket: SocketSummary, processes: list[ProcessFacts]) -> ProcessFacts | None:
    """The process that has the socket; the only one, if it is not known which."""
    own = [process for process in processes if socket.pid in (None, process.pid)]
    return own[0] if len(own) == 1 else None


def _limit(process: ProcessFacts | None) -> str:
    if process is None or process.memlock_limit_bytes is None:
        return ""
    locked = process.locked_bytes_of_user
    used = "" if locked is None else f", and all processes of its user had {locked:,} bytes locked"
    if process.memlock_limit_bytes < 0:  # it was raised after the refusals
        return f" {process.comm} has no such limit now{used}."
    return f" The limit of {process.comm} is {process.memlock_limit_bytes:,} bytes{used}."


def _capability(process: ProcessFacts | None) -> str:
    if process is None or process.has_cap_ipc_lock is None:
        return ""
    if process.has_cap_ipc_lock:
        return " It has CAP_IPC_LOCK only in a user namespace of its own, where that does not exempt from the limit."
    return " It has no CAP_IPC_LOCK, which would exempt it from the limit."


def _yes_or_no(process: ProcessFacts | None) -> str | None:
    if process is None or process.has_cap_ipc_lock is None:
        return None
    return "yes" if process.has_cap_ipc_lock else "no"


def _raise_limit(process: ProcessFacts | None) -> str:
    """mm_account_pinned_pages() charges (size >> PAGE_SHIFT) + 2 pages for each send call."""
    pid = process.pid if process and process.pid is not None else "PID"
    return (
        f"Raise the limit: `prlimit --pid {pid} --memlock=unlimited` for the running process, LimitMEMLOCK= in its"
        " systemd unit, or `<memtune>` without hard_limit in libvirt. Each send locks the pages of its data and two"
        " more until it is completed."
    )
