# SPDX-License-Identifier: GPL-2.0-only
"""Runs between two emulated network cards: completions come back without COPIED, and the fix works there too."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from tests.guests.inside.conftest import measure
from tests.guests.links import MAC_ADDRESSES
from tests.tcp_counters import watched_sinks
from zcprobe.dataset.load import Run, load_comparison
from zcprobe.lab.leftovers import clean_leftovers
from zcprobe.lab.open import open_lab
from zcprobe.lab.scenarios import find_scenario

pytestmark = pytest.mark.usefixtures("loaded_once", "nothing_left")

_DEVICES = Path("/sys/class/net")
_APPEAR_S = 10.0


def read_cards() -> dict[str, str]:
    """MAC address -> name of the devices in this namespace."""
    return {(path / "address").read_text().strip(): path.name for path in _DEVICES.iterdir()}


def is_up(device: str) -> bool:
    return bool(int((_DEVICES / device / "flags").read_text(), 16) & 1)


@pytest.fixture
def link() -> Iterator[str]:
    """Both cards for --nics; afterwards they must be back in their former state."""
    subprocess.run(["modprobe", "e1000"], check=True)
    deadline = time.monotonic() + _APPEAR_S
    while not set(MAC_ADDRESSES) <= set(read_cards()) and time.monotonic() < deadline:
        time.sleep(0.1)
    names = [read_cards()[address] for address in MAC_ADDRESSES]
    before = [is_up(name) for name in names]
    yield ",".join(names)
    assert [read_cards()[address] for address in MAC_ADDRESSES] == names
    assert [is_up(name) for name in names] == before


def compare_on(link: str, folder: Path, *words: str) -> tuple[dict[str, dict[str, int]], list[Run]]:
    """Compares one run each of qemu-pre and qemu-merged, none of whose data may be copied: outcomes by policy, and the
    runs."""
    content = measure(
        folder,
        *("compare", *words, "--policies", "qemu-pre,qemu-merged", "--repeats", "1", "--deadline", "90", "--seed", "1"),
        *("--no-report", "--overhead", "0", "--nics", link),
    )
    runs = load_comparison(Path(content["folder"])).runs
    for run in runs:
        assert run.meta.complete
        assert run.meta.lab.sender_device == link.partition(",")[0]
        assert run.meta.lab.scatter_gather is True
        assert run.sender.sends == run.sender.completions > 0
        assert run.sender.copied_completions == 0
        assert run.kernel.true_copied_completions == 0
    return {policy: values["outcomes"] for policy, values in content["policies"].items()}, runs


# Sends that never share a notification, and a bucket so slow that a slow sender's clones wait in it.
HELD = ("--scenario", "held-completions", "-l", "512K", "-n", "61", "--optmem-max", "20480", "--hold-rate", "2M")


def test_true_zerocopy_with_and_without_the_fix(link: str, kept_folder: Path) -> None:
    """Nothing but the hold fills optmem: the send buffer has room for a third of the sends that it takes."""
    outcomes, runs = compare_on(link, kept_folder, *HELD)
    assert outcomes == {"qemu-pre": {"dead_enobufs": 1}, "qemu-merged": {"completed": 1}}
    for run in runs:
        # data that came early could not merge with data that was held
        assert run.kernel.errqueue_depth_max > 1


REORDERED = ("--scenario", "reordered-link", "-n", "509")


def test_reordering_alone_keeps_completions_in_order(link: str, kept_folder: Path) -> None:
    """The control: data arrives out of order, and even a sender that never reads completes."""
    with watched_sinks() as counters:
        outcomes, runs = compare_on(link, kept_folder, *REORDERED)
    assert outcomes == {"qemu-pre": {"completed": 1}, "qemu-merged": {"completed": 1}}
    for run in runs:
        assert run.sender.sends == 509
        assert run.sender.enobufs_count == 0
        sink = counters[f"zcprobe-{run.meta.run_id}-rx"]
        assert sink["TCPOFOQueue"] > 100
        # read when all was over; the last look from outside was some time before that
        assert run.meta.effects.reordered_packets >= sink["TCPOFOQueue"]
        # what comes in order merges
        assert run.kernel.errqueue_depth_max < 20


def read_qdiscs(device: str) -> set[str]:
    with IPRoute() as route:
        (index,) = route.link_lookup(ifname=device)
        return {qdisc.get_attr("TCA_KIND") for qdisc in route.get_qdiscs(index=index)}


def test_a_killed_run_leaves_no_netem_on_the_card(link: str) -> None:
    sender, _, sink = link.partition(",")
    run_id = f"killed{os.getpid()}"
    child = os.fork()
    if not child:
        try:
            with open_lab(find_scenario("reordered-link"), run_id=run_id, family="ipv4", link=(sender, sink)):
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert f"gave back network device {sender}" in clean_leftovers().undone
    assert "netem" not in read_qdiscs(sender)
