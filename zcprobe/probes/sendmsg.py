"""What the send calls returned, and optmem at each ENOBUFS."""

from zcprobe.probes.base import Attachment, Probe

__all__ = ["SENDMSG"]

SENDMSG = Probe(
    "sendmsg",
    "results of the send calls; level, limit and queue at each ENOBUFS; the kernel's own count of sends",
    "a zerocopy call is not told from a plain one: the sender's records tell",
    (
        Attachment("sock_send_length", "on_sock_send_length", 3, "Linux 6.3"),
        Attachment("tcp_destroy_sock", "on_tcp_destroy_sock", 1, "Linux 4.16"),
    ),
)
