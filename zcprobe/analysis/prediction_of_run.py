# SPDX-License-Identifier: GPL-2.0-only
"""What the most demanding socket of a recorded sender needs."""

import msgspec

from zcprobe.analysis.diagnosis.need import most_demanding
from zcprobe.analysis.diagnosis.observed import observed
from zcprobe.analysis.prediction import Prediction
from zcprobe.dataset.load import Run
from zcprobe.format.attachment import SocketSummary

__all__ = ["PredictedSocket", "predict_run"]


class PredictedSocket(msgspec.Struct, frozen=True, kw_only=True):
    """A socket of the run of that name, and what it needs."""

    run: str
    socket: SocketSummary
    prediction: Prediction


def predict_run(run: Run) -> PredictedSocket | None:
    """What the most demanding socket of the run needs; None if that is not known of any of them."""
    found = most_demanding(observed(run))
    return None if found is None else PredictedSocket(run=run.name, socket=found[0], prediction=found[1])
