# SPDX-License-Identifier: GPL-2.0-only
"""Which of these tests may run beside each other: `make test` runs two of their files at a time.

Each process of pytest-xdist then has its own /run/netns and /run/zcprobe, so it neither sees nor cleans up the runs of
the other. Tests that measure how fast something is, or that watch what the whole host does, stay alone.
"""

import ctypes
import os
from pathlib import Path

import pytest

_BESIDE = (
    "cli/test_faults.py",
    "cli/test_hostile.py",
    "cli/test_hostile_sinks.py",
    "cli/test_interrupt.py",
    "cli/test_losses.py",
    "cli/test_output.py",
    "cli/test_strangers.py",
    "cli/test_verdict.py",
    "native/test_sanitizers.py",
    "test_security.py",
    "test_setup.py",
)
"""They wait for most of their time, and ask what happens, not how fast."""

_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000
_OWN_PLACES = ("/run/netns", "/run/zcprobe")


def _check(code: int) -> None:
    if code:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _separate() -> None:
    """A mount namespace for this process and its children, in which nobody else uses the folders of live runs."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_CLONE_NEWNS))
    _check(libc.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None))
    for place in _OWN_PLACES:
        Path(place).mkdir(exist_ok=True)
        _check(libc.mount(b"none", place.encode(), b"tmpfs", ctypes.c_ulong(0), None))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "beside: may run beside another test of this kind")
    if "PYTEST_XDIST_WORKER" in os.environ and os.geteuid() == 0:
        _separate()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(folder) and str(item.path.relative_to(folder)) in _BESIDE:
            item.add_marker("beside")
