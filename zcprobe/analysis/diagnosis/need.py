# SPDX-License-Identifier: GPL-2.0-only
"""What a sender needs: what its most demanding socket does."""

from zcprobe.analysis.diagnosis.enough import predict_socket
from zcprobe.analysis.diagnosis.senders import zerocopy_sockets
from zcprobe.analysis.prediction import MERGED, Prediction
from zcprobe.format.attachment import Observation, SocketSummary

__all__ = ["most_demanding", "need_of", "need_of_sender"]


def most_demanding(seen: Observation) -> tuple[SocketSummary, Prediction] | None:
    """The socket that needs most, because the limit is the same for all sockets of a network namespace; one for which
    no limit is enough needs more than any other. None if no socket's need is known."""
    known = [(socket, predict_socket(socket)) for socket in zerocopy_sockets(seen)]
    found = [(socket, prediction) for socket, prediction in known if prediction is not None]
    return max(found, key=lambda one: need_of(one[1]), default=None)


def need_of(prediction: Prediction) -> tuple[bool, int]:
    """What to compare needs by."""
    held = prediction.unacknowledged_sends + prediction.late_sends
    return not prediction.bounded, prediction.optmem_max_bytes or held * prediction.charge_bytes


def need_of_sender(seen: Observation) -> str:
    """What the most demanding socket needs, and why, in sentences; empty if that is not known."""
    found = most_demanding(seen)
    if found is None:
        return ""
    prediction = found[1]
    unread = "unread ones without end" if prediction.unread_notifications is None else "two unread ones"
    if prediction.unread_notifications not in (None, MERGED):
        unread = f"{prediction.unread_notifications:,} unread ones"
    return (
        f"{prediction.answer} At {prediction.charge_bytes} bytes each it has to hold the notifications of"
        f" {prediction.unacknowledged_sends:,} unacknowledged and {prediction.late_sends:,} late sends, and {unread}."
    )
