# SPDX-License-Identifier: GPL-2.0-only
"""What the code that boots other kernels does when it cannot. `make test-kernels` shows that it can."""

import signal
import time
from pathlib import Path
from threading import Timer

import pytest

from tests.guests import boot, matrix
from tests.guests.boot import run_in_guest
from tests.guests.fetch import Image, fetch
from tests.guests.kernels import KERNELS, Kernel, find_kernel
from zcprobe.errors import HostError, UsageError, ZcprobeError
from zcprobe.interrupt import Interruption

ROOT = Path(__file__).parents[3]


def test_names_are_found_and_an_unknown_one_is_told_the_known() -> None:
    assert [find_kernel(kernel.name) for kernel in KERNELS] == list(KERNELS)
    with pytest.raises(UsageError) as caught:
        find_kernel("2.4")
    assert all(kernel.name in caught.value.hint for kernel in KERNELS)
    assert matrix.main(["2.4"]) == 2


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_documents_name_every_kernel(document: str) -> None:
    text = (ROOT / document).read_text()
    assert all(f"{kernel.name} ({kernel.suite})" in text for kernel in KERNELS)


def test_a_kernel_that_cannot_be_fetched_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = Kernel("nowhere", "no-such-suite")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.apt._PAUSES_S", (0.0,))  # it is tried again, but at once
    with pytest.raises(HostError):
        fetch(nowhere)
    monkeypatch.setattr(matrix, "KERNELS", (nowhere,))
    assert matrix.main([]) == 1
    assert "nowhere    FAILED" in capsys.readouterr().out


def test_a_kernel_that_does_not_boot_fails(tmp_path: Path) -> None:
    image = Image("none", tmp_path / "vmlinuz")
    image.vmlinuz.write_bytes(bytes(4096))
    with pytest.raises(HostError, match="none did not boot"):
        run_in_guest(image, ["true"], Interruption(), timeout_s=5)


def test_a_command_that_is_too_long_for_a_guest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="has 705 characters"):
        run_in_guest(Image("none", tmp_path / "vmlinuz"), ["true", "x" * 699], Interruption())


def test_an_interrupted_command_leaves_no_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vng").write_text("#!/bin/sh\nsleep 600 &\nwait\n")
    (tmp_path / "vng").chmod(0o755)
    monkeypatch.setattr(boot, "_OWN_PROGRAMS", tmp_path)
    interruption = Interruption()
    begun = time.monotonic()
    Timer(1.0, interruption.handle, (signal.SIGTERM, None)).start()
    # the process in its background has its output, too, which is read to its end
    with pytest.raises(ZcprobeError, match="interrupted by SIGTERM"):
        run_in_guest(Image("none", tmp_path / "vmlinuz"), ["true"], interruption, timeout_s=600)
    assert time.monotonic() - begun < 300
