# SPDX-License-Identifier: GPL-2.0-only
"""Which of these tests may run beside each other: `make test` runs four of their files at a time.

Each process of pytest-xdist then has its own /run/netns and /run/zcprobe, so it neither sees nor cleans up the runs of
the others. Tests that measure how fast something is stay alone: files that are not listed, and tests marked `alone`.
"""

import ctypes
import os
from pathlib import Path
from typing import Any

import pytest

_BESIDE = (
    "attach/test_causes.py",
    "attach/test_own_sender.py",
    "attach/test_sampler.py",
    "benchmark/test_buffers.py",
    "benchmark/test_privileges.py",
    "benchmark/test_record_limit.py",
    "benchmark/test_sendmsg_results.py",
    "benchmark/test_traffic.py",
    "campaign",
    "cli/test_attach.py",
    "cli/test_attach_metrics.py",
    "cli/test_baselines.py",
    "cli/test_campaign.py",
    "cli/test_compare.py",
    "cli/test_doctor.py",
    "cli/test_faults.py",
    "cli/test_hostile.py",
    "cli/test_hostile_sinks.py",
    "cli/test_imports.py",
    "cli/test_interrupt.py",
    "cli/test_kept.py",
    "cli/test_live.py",
    "cli/test_losses.py",
    "cli/test_options_take_effect.py",
    "cli/test_output.py",
    "cli/test_questions.py",
    "cli/test_questions.py",
    "cli/test_remote.py",
    "cli/test_run.py",
    "cli/test_scenarios.py",
    "cli/test_sink.py",
    "cli/test_strangers.py",
    "cli/test_streams.py",
    "cli/test_verdict.py",
    "host",
    "lab/impairments/test_hold.py",
    "lab/impairments/test_reorder.py",
    "lab/test_device.py",
    "lab/test_leftovers.py",
    "lab/test_limits.py",
    "lab/test_netns.py",
    "lab/test_open.py",
    "native/test_confine.py",
    "native/test_recorder.py",
    "native/test_sanitizers.py",
    "overhead",
    "probes/test_current_folder.py",
    "probes/test_sources.py",
    "recorder",
    "test_child.py",
    "test_journal.py",
    "test_parent.py",
    "test_rules.py",
    "test_security.py",
    "test_setup.py",
    "test_trust.py",
    "torture",
)
"""Folders and files whose tests wait for much of their time, and ask what happens, not how fast."""

_ONE_USER = ("benchmark/test_privileges.py", "cli/test_scenarios.py", "test_rules.py")
"""Of these, the ones that lower RLIMIT_MEMLOCK. The kernel counts locked pages per user, so one process has them
all."""

_LONGEST = ("test_setup.py", "native/test_sanitizers.py", "cli/test_options_take_effect.py")
"""They come first, so that nobody waits for them at the end."""

_FOLDER = Path(__file__).parent
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


def pytest_configure() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ and os.geteuid() == 0:
        _separate()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    names = {item: str(item.path.relative_to(_FOLDER)) for item in items if item.path.is_relative_to(_FOLDER)}
    for item, name in names.items():
        is_listed = any(Path(name).is_relative_to(place) for place in _BESIDE)
        if is_listed and item.get_closest_marker("alone") is None:
            item.add_marker("beside")
    items.sort(key=lambda item: names.get(item) not in _LONGEST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling  # not for guests, where each import takes long

    class ByFile(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "one user" if file.endswith(_ONE_USER) else file

    return ByFile(config, log)
