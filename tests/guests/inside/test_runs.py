# SPDX-License-Identifier: GPL-2.0-only
"""Runs on a distribution kernel: known, prime numbers of sends, the failure with and without the fix, nothing left."""

from pathlib import Path

import pytest

import zcprobe
from tests.guests.inside.conftest import measure
from zcprobe.dataset.load import load_comparison

pytestmark = pytest.mark.usefixtures("loaded_once", "nothing_left")

OPTMEM_BYTES = 65536

THRESHOLD_BYTES = 576
"""SKB_TRUESIZE(0): the room that sock_omalloc requires, whatever it then charges."""


def test_every_send_is_counted_once(tmp_path: Path) -> None:
    """Uses a limit that differs from every kernel's default. On a kernel with one limit for the host, that limit is
    restored."""
    count = 23
    words = ("run", "--scenario", "held-completions", "-n", str(count), "--optmem-max", str(OPTMEM_BYTES))
    printed = measure(tmp_path, *words)
    run = zcprobe.load(printed["folder"])
    assert run.meta.complete
    assert run.meta.lab.optmem_max_bytes == OPTMEM_BYTES
    assert run.sender.sends == run.sender.completions == len(run.sends) == count
    ranges = run.notifications
    assert int((ranges["hi"] - ranges["lo"] + 1).sum()) == count
    assert run.meta.send_results["0"] == count


STALLED = ("--scenario", "stalled-reader", "-n", "97")
"""The sink stops after 32 sends, and the 24 notifications that fit into optmem are charged a few sends later."""


def test_sends_in_flight_fill_optmem_to_the_last_notification_that_fits(kept_folder: Path) -> None:
    """Sends to a peer that does not read for a time, so that nothing completes during it, however slow the sender
    is."""
    content = measure(
        kept_folder,
        *("compare", *STALLED, "--policies", "qemu-pre,qemu-merged", "--repeats", "1", "--seed", "1"),
        *("--deadline", "60", "--no-report", "--overhead", "0"),
    )
    outcomes = {policy: values["outcomes"] for policy, values in content["policies"].items()}
    assert outcomes == {"qemu-pre": {"dead_enobufs": 1}, "qemu-merged": {"completed": 1}}
    for run in load_comparison(Path(content["folder"])).runs:
        assert run.meta.complete
        limit, charge = run.kernel.optmem_max_bytes, run.kernel.charge_bytes
        assert limit == 20480
        assert run.kernel.optmem_peak_bytes == ((limit - THRESHOLD_BYTES) // charge + 1) * charge
        assert run.sender.enobufs_count == 1 or run.meta.config.policy != "qemu-pre"
        assert set(run.kernel.enobufs_causes) == {"optmem"}


DEFAULT_OUTCOMES = {
    "qemu-pre": {"dead_enobufs": 1},
    "qemu-shipped": {"dead_enobufs": 1},
    "qemu-merged": {"completed": 1},
}


FEWER = ("-n", "4001")
"""Half the sends of the default, which are still more than it takes to die."""


def compare_by_default(folder: Path) -> dict[str, dict[str, int]]:
    """Outcomes of one run of each policy; the path was impaired in all of them."""
    content = measure(folder, "compare", "--repeats", "1", *FEWER, "--probes", "none", "--no-report", "--overhead", "0")
    for run in load_comparison(Path(content["folder"])).runs:
        assert run.meta.effects.hold_waits > 0
        assert run.meta.warnings == []
    return {policy: values["outcomes"] for policy, values in content["policies"].items()}


def test_the_default_comparison_means_what_it_means_elsewhere(tmp_path: Path) -> None:
    """The run is calibrated to a path that emulation makes ten times as slow. It gets two tries, because one run in
    twenty fails by chance."""
    assert any(compare_by_default(tmp_path) == DEFAULT_OUTCOMES for _ in range(2))
