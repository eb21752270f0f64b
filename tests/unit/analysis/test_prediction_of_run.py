# SPDX-License-Identifier: GPL-2.0-only
"""Of the sockets of a sender, the one that needs most decides: they share the limit of a network namespace."""

from pathlib import Path

from tests.unit.analysis.diagnosis.seen import seen, socket
from zcprobe.analysis.prediction_of_run import most_demanding, predict_run
from zcprobe.dataset.load import load_run

KEPT = Path(__file__).parents[2] / "data" / "version_3" / "runs"


def test_the_larger_need_decides() -> None:
    small, large = (socket(send_bytes_median=size, number=size) for size in (524288, 4096))
    found = most_demanding(seen(small, large))
    assert found is not None
    assert found[0].number == 4096


def test_a_socket_for_which_no_limit_is_enough_decides_whatever_the_others_need() -> None:
    endless = socket(send_bytes_median=524288, errqueue_depth_max=9, flushes=0, number=1)
    found = most_demanding(seen(socket(send_bytes_median=4096), endless))
    assert found is not None
    assert found[0].number == 1
    assert not found[1].bounded


def test_sockets_without_zerocopy_and_datagrams_decide_nothing() -> None:
    plain = socket(zerocopy_enabled=False, sends=0, enobufs=0)
    assert most_demanding(seen(plain, socket(protocol="udp"))) is None


def test_a_run_without_probes_says_that_it_did_not_see_the_order() -> None:
    (folder,) = KEPT.parent.glob("no-probes/*-qemu-pre-82e384")
    found = predict_run(load_run(folder))
    assert found is not None
    assert "was not seen" in found.prediction.assumptions[-1]
