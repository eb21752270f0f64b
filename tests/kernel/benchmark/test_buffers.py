# SPDX-License-Identifier: GPL-2.0-only
"""Where sends take their memory from, and who notices when it is written too early."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from zcprobe.dataset.load import Run
from zcprobe.errors import HostError
from zcprobe.workloads import Traffic

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root"),
    pytest.mark.usefixtures("nothing_left"),
]

Measure = Callable[..., Run]

HUGEPAGES = Path("/proc/sys/vm/nr_hugepages")


def test_a_buffer_used_again_after_its_completion_is_intact(measure: Measure) -> None:
    run = measure(scenario="slow-reader", send_count=150, traffic=Traffic(reuse="after-completion"))
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert run.sender.sends >= 150


def test_completions_out_of_order_free_the_right_buffer(measure: Measure) -> None:
    run = measure(scenario="held-completions", send_count=3001, traffic=Traffic(reuse="after-completion"))
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert "reuse" in set(run.flushes["trigger"])


def test_waiting_for_a_buffer_is_no_stall(measure: Measure) -> None:
    """64 buffers, so optmem with room for 157 notifications never runs out."""
    run = measure(
        scenario="slow-reader", optmem_max_bytes=131072, send_count=150, traffic=Traffic(reuse="after-completion")
    )
    assert (run.sender.outcome, run.sender.sink_intact) == ("completed", True)
    assert run.sender.stall_count == run.sender.enobufs_count == 0
    assert "reuse" in set(run.flushes["trigger"])
    assert run.meminfo["in_flight"].max() <= 64


def test_a_buffer_overwritten_at_once_is_found_out_and_the_run_is_kept(measure: Measure) -> None:
    """Does not use `measure`, which requires a complete run: wrong content is the purpose of this run."""
    run = measure(scenario="slow-reader", send_count=60, traffic=Traffic(reuse="at-once"))
    assert run.sender.outcome == "completed"
    assert run.sender.sink_intact is False
    assert run.sender.sink_bytes == run.sender.bytes_sent


def test_a_plain_copy_may_be_overwritten_at_once(measure: Measure) -> None:
    run = measure(scenario="slow-reader", send_count=60, zerocopy=False, traffic=Traffic(reuse="at-once"))
    assert (run.sender.sends, run.sender.sink_intact) == (0, True)


@pytest.mark.parametrize("reuse", ["never", "after-completion"])
def test_pages_of_a_file_can_be_sent(reuse: Literal["never", "after-completion"], measure: Measure) -> None:
    run = measure(scenario="in-order", buffers="file", send_count=1009, traffic=Traffic(reuse=reuse))
    assert (run.sender.outcome, run.sender.sink_intact, run.sender.sends) == ("completed", True, 1009)


def test_a_file_that_the_disk_has_no_room_for_is_refused(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first write to such a page would kill the sender."""
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(small)], check=True)
    try:
        monkeypatch.setenv("TMPDIR", str(small))
        with pytest.raises(HostError, match="sender cannot start: No space left on device") as refused:
            measure(scenario="in-order", buffers="file", send_count=23)
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert "TMPDIR" in refused.value.hint


@pytest.mark.skipif(
    HUGEPAGES.exists() and HUGEPAGES.read_text().strip() != "0", reason="this host has reserved huge pages"
)
def test_without_huge_pages_it_says_how_to_get_some(measure: Measure) -> None:
    with pytest.raises(HostError, match="sender cannot start") as refused:
        measure(scenario="in-order", buffers="hugepages", send_count=23)
    assert "vm.nr_hugepages" in refused.value.hint
