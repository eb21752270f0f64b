# SPDX-License-Identifier: GPL-2.0-only
from pathlib import Path

from zcprobe.analysis.prediction_of_run import predict_run
from zcprobe.dataset.load import load_run

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "runs"


def test_a_run_without_probes_says_that_it_did_not_see_the_order() -> None:
    (folder,) = KEPT.parent.glob("no-probes/*-qemu-pre-82e384")
    found = predict_run(load_run(folder))
    assert found is not None
    assert "was not seen" in found.prediction.assumptions[-1]
