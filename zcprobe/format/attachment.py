# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a process's sockets and threads, from which a diagnosis follows: the member `kernel` of an
attachment's run.json."""

from typing import Literal

import msgspec

from zcprobe.format.diagnosis import Diagnosed
from zcprobe.format.summary import KernelSummary

__all__ = [
    "AttachmentKernel",
    "AttachmentSummary",
    "Detail",
    "Observation",
    "ProcessFacts",
    "SocketSummary",
    "ThreadSummary",
    "UringSummary",
]

Detail = Literal["sample", "causes"]
"""How closely a process was watched: by BPF iterators that look at its sockets at intervals (`sample`), or by the
probes besides (`causes`)."""


class SocketSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One socket. Whatever was not seen is None, which is never the same as 0.

    Which socket it is. `number`: what `samples` calls it, None for a socket without zerocopy. `cookie`: what
    `kernel_events` calls it, None if the probes did not count it; a number of ours if nobody gave it a cookie. `pid`,
    `fd`: a process that has it open and its descriptor there, or had it until it was closed; then `state` is None.
    `local`, `remote`: endpoints as `address:port`. `protocol`: tcp, udp, unix or vsock. `state`: TCP's, as `ss` names
    it. `zerocopy_enabled`: SO_ZEROCOPY. `device`: where its route leaves, by name; `device_kind`: that device's kind as
    rtnetlink names it (veth, tun, bridge, ...), `loopback`, or `physical`; `scatter_gather`: its NETIF_F_SG.

    Sending. `sends`: zerocopy sends that the kernel accepted while watched; `plain_sends`: accepted send calls without
    MSG_ZEROCOPY; `bytes_sent`; `send_bytes_median`: of zerocopy sends. `enobufs`: send calls that returned ENOBUFS;
    `enobufs_causes`: cause (zcprobe.format.causes) -> calls; `enobufs_in_flight_bytes`, `enobufs_unread_bytes`: charges
    by holder, summed over the ENOBUFS whose cause is optmem. `sends_per_uarg_max`: most sends that shared one
    notification. `foreign_uargs`: send calls refused because io_uring's uarg was at the tail.

    Completions. `notifications_read`, `completions_read`: taken off the error queue, and the sends that these cover.
    `copied_true`: of these sends, those whose own data the kernel copied. `late_holders`: function or device that
    held the last reference to data that completed out of order -> completions.

    Levels; those of the detail `sample` are the highest of its samples. `errqueue_depth_max` in notifications;
    `optmem_baseline_bytes`: the level without any notification; `optmem_peak_bytes`; `optmem_max_bytes`: the limit in
    force in the socket's network namespace; `charge_bytes`: of one notification; `in_flight_peak_bytes`,
    `unread_peak_bytes`: charges by holder, each at its own peak; `outstanding_max`: most sends whose notification
    nobody had read; `tail_lo`, `tail_hi`: range of the newest notification on the queue; `sndbuf_bytes`: the highest
    sk_sndbuf, which bounds how much TCP has in flight.

    Reading. `readers`: thread name -> notifications that it read; `last_read_ns_ago`: age of the last reading when the
    watching ended. A flush is all reading of the error queue between two send calls of one thread: `flushes`;
    `flushes_waited`, those in which the thread slept in a call that waits for the socket (bpf/waits.h);
    `flushes_empty_then_enobufs`, those after an ENOBUFS that read until EAGAIN without a wait and whose retry returned
    ENOBUFS again; `flush_ns_max`, the longest. A benchmark's own sender counts its waits itself."""

    number: int | None = None
    cookie: int | None = None
    pid: int | None = None
    fd: int | None = None
    local: str | None = None
    remote: str | None = None
    protocol: str
    state: str | None = None
    zerocopy_enabled: bool | None = None
    device: str | None = None
    device_kind: str | None = None
    scatter_gather: bool | None = None
    sends: int | None = None
    plain_sends: int | None = None
    bytes_sent: int | None = None
    send_bytes_median: int | None = None
    enobufs: int | None = None
    enobufs_causes: dict[str, int] | None = None
    enobufs_in_flight_bytes: int | None = None
    enobufs_unread_bytes: int | None = None
    notifications_read: int | None = None
    completions_read: int | None = None
    copied_true: int | None = None
    errqueue_depth_max: int | None = None
    optmem_baseline_bytes: int | None = None
    optmem_peak_bytes: int | None = None
    optmem_max_bytes: int | None = None
    charge_bytes: int | None = None
    in_flight_peak_bytes: int | None = None
    unread_peak_bytes: int | None = None
    outstanding_max: int | None = None
    tail_lo: int | None = None
    tail_hi: int | None = None
    sndbuf_bytes: int | None = None
    last_read_ns_ago: int | None = None
    readers: dict[str, int] | None = None
    flushes: int | None = None
    flushes_waited: int | None = None
    flushes_empty_then_enobufs: int | None = None
    flush_ns_max: int | None = None
    sends_per_uarg_max: int | None = None
    late_holders: dict[str, int] | None = None
    foreign_uargs: int | None = None

    @property
    def uses_zerocopy(self) -> bool:
        """Whether it sent with MSG_ZEROCOPY, tried to, or has SO_ZEROCOPY, without which the flag has no effect."""
        return bool(self.zerocopy_enabled or self.sends or self.enobufs)


class ThreadSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One thread: its zerocopy sends that the kernel accepted, and its send calls that returned ENOBUFS."""

    tid: int
    comm: str
    sends: int | None = None
    enobufs: int | None = None


class ProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One process, and what decides whether RLIMIT_MEMLOCK can refuse its sends. `pid` is None for the sender of a
    benchmark, which has ended. `memlock_limit_bytes`: its soft limit, -1 without a limit; `locked_bytes_of_user`: the
    most that its user had locked when a send call was refused."""

    pid: int | None
    comm: str
    memlock_limit_bytes: int | None = None
    locked_bytes_of_user: int | None = None
    has_cap_ipc_lock: bool | None = None


class UringSummary(msgspec.Struct, frozen=True, kw_only=True):
    """io_uring's zerocopy sends (SEND_ZC, SENDMSG_ZC), which charge no optmem. `copied_true`: requests whose
    notification said that the data was copied; None if the program did not ask for that. `delay_median_ns`: from the
    submission to the notification; None without one. `cq_overflows`: completions, of whatever request, that found the
    completion queue full; None where the kernel does not tell."""

    requests: int
    notifications: int
    copied_true: int | None = None
    delay_median_ns: int | None = None
    cq_overflows: int | None = None


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a diagnosis looks at. `detail` is None where only our own sender counted, without probes.
    `local_by_design`: the benchmark made the path within one host, so that every send is copied says nothing about the
    sender. `uring` is None if io_uring was not watched."""

    detail: Detail | None
    duration_ns: int
    local_by_design: bool = False
    sockets: list[SocketSummary]
    threads: list[ThreadSummary] = []
    processes: list[ProcessFacts] = []
    uring: UringSummary | None = None


class AttachmentSummary(Observation, frozen=True, kw_only=True):
    """An attachment as a whole. `folder`: the run's folder, None if none was written. `findings`: the diagnosis, the
    most severe first."""

    folder: str | None = None
    findings: list[Diagnosed]


class AttachmentKernel(KernelSummary, frozen=True, kw_only=True):
    """The member `kernel` of an attachment's run.json: what is added up over all sockets with zerocopy, and besides the
    members of its AttachmentSummary, which have the same meaning here."""

    detail: Detail
    duration_ns: int
    sockets: list[SocketSummary]
    threads: list[ThreadSummary]
    processes: list[ProcessFacts]
    uring: UringSummary | None
    findings: list[Diagnosed]
