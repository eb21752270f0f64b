# SPDX-License-Identifier: GPL-2.0-only
"""What the sockets of a recorded sender need."""

import msgspec

from zcprobe.analysis.diagnosis.enough import predict_socket
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.analysis.diagnosis.senders import zerocopy_sockets
from zcprobe.analysis.prediction import Prediction
from zcprobe.dataset.load import Run
from zcprobe.format.attachment import Observation, SocketSummary

__all__ = ["PredictedSocket", "most_demanding", "need_of", "predict_run"]


class PredictedSocket(msgspec.Struct, frozen=True, kw_only=True):
    """A socket of the run of that name, and what it needs."""

    run: str
    socket: SocketSummary
    prediction: Prediction


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


def predict_run(run: Run) -> PredictedSocket | None:
    """What the most demanding socket of the run needs; None if that is not known of any of them."""
    found = most_demanding(observed(run))
    return None if found is None else PredictedSocket(run=run.name, socket=found[0], prediction=found[1])
