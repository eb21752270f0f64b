# SPDX-License-Identifier: GPL-2.0-only
"""The guest tests on each kernel, one boot each: python -m tests.guests.matrix [KERNEL...]

pytest's output is printed at once, each line after the name of its kernel, followed by one line for each kernel.
build/kernels/<name>/ keeps junit.xml and the comparisons that the tests made. One of them is drawn on the host, because
in the guest its figures would take minutes; `zcprobe report` draws the others.
"""

import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import msgspec

from tests.guests.boot import run_in_guest
from tests.guests.fetch import fetch
from tests.guests.kernels import KERNELS, Kernel, find_kernel
from tests.guests.links import HUB_OPTIONS
from zcprobe.dataset.load import load_comparison
from zcprobe.errors import ZcprobeError
from zcprobe.interrupt import Interruption, deferred_interrupt
from zcprobe.report.html import write_report

__all__ = ["LAST", "ONCE", "TESTS", "main"]

_RESULTS = Path("build/kernels")
_CHOSEN = "tests.txt"
"""What pytest is to run, a line each: a guest gets its command on its kernel's command line, which is short."""
_TIMEOUT_S = 2400

TESTS: tuple[str, ...] = (
    "tests/guests/inside/test_host.py",
    "tests/guests/inside/test_runs.py::test_every_send_is_counted_once",
    "tests/guests/inside/test_runs.py::test_sends_in_flight_fill_optmem_to_the_last_notification_that_fits",
    "tests/guests/inside/test_links.py::test_true_zerocopy_with_and_without_the_fix",
    "tests/guests/inside/test_vsock.py",
    "tests/kernel/probes/test_causes.py",
    "tests/kernel/probes/test_mechanisms.py",
    "tests/guests/inside/test_probes.py",
    "tests/kernel/attach/test_sampler.py::test_sends_are_counted_from_when_the_socket_is_watched",
)

_WATCHED_BY = "tests/kernel/attach/test_causes.py::test_each_mechanism_counts_the_calls_of_a_watched_process"
_INLINED = "tests/guests/inside/test_hidden.py::test_a_completion_that_is_inlined_is_watched_where_it_is_called"
_TRACEPOINTS_DO = "tests/guests/inside/test_hidden.py::test_without_a_function_that_has_no_other_the_tracepoints_do"

ONCE: dict[str, tuple[str, ...]] = {
    # what completes is called msg_zerocopy_callback there and msg_zerocopy_complete in the others, and it has no
    # tracepoint sock_send_length, so both tests take other ways there; its default limit is the small one
    "6.1": (
        "tests/guests/inside/test_runs.py::test_the_default_comparison_means_what_it_means_elsewhere",
        _INLINED,
        _TRACEPOINTS_DO,
        f"{_WATCHED_BY}[fentry]",
        f"{_WATCHED_BY}[kprobe]",
    ),
    # netem and an emulated card do the same in all
    "6.12": (
        "tests/kernel/lab/impairments/test_reorder.py::test_packets_arrive_out_of_order",
        "tests/guests/inside/test_links.py::test_reordering_alone_keeps_completions_in_order",
        "tests/guests/inside/test_links.py::test_a_killed_run_leaves_no_netem_on_the_card",
        _TRACEPOINTS_DO,
        f"{_WATCHED_BY}[tracepoint]",
    ),
    "backports": (_INLINED, f"{_WATCHED_BY}[fentry]", f"{_WATCHED_BY}[kprobe]", f"{_WATCHED_BY}[tracepoint]"),
}
"""Kernel -> tests for it and not for all: each of them runs on one kernel of every kind that it tells apart, because a
guest is slow."""

LAST = ("tests/guests/inside/test_hostile.py",)
"""It locks the kernel down, which nothing can undo."""


def _chosen(kernel: Kernel) -> str:
    """What pytest runs on that kernel, a line each. The tests of tests/kernel/probes/ end the probes that others
    share."""
    return "".join(f"{test}\n" for test in (*ONCE.get(kernel.name, ()), *TESTS, *LAST))


class _Outcome(msgspec.Struct, frozen=True):
    kernel: Kernel
    what: str
    passed: bool
    seconds: float


def _pytest_words(kernel: Kernel, folder: Path) -> list[str]:
    return [
        *("env", f"ZCPROBE_GUEST_KERNEL={kernel.name}", f"ZCPROBE_GUEST_FOLDER={folder}", "COLUMNS=110"),
        # these tests have no use for any; looking for them takes seconds, and one needs a folder to write to
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1",
        *(sys.executable, "-m", "pytest", "-v", "--durations=8", "-p", "no:cacheprovider"),
        *(f"--junitxml={folder}/junit.xml", "-o", f"junit_suite_name=linux-{kernel.name}"),
        f"@{folder / _CHOSEN}",
    ]


def _draw(comparison: Path) -> None:
    write_report(load_comparison(comparison))


def _draw_one(folder: Path) -> None:
    """Draws the comparison of a kernel that has most to show, while others still run, in a process of its own because
    matplotlib needs a single thread."""
    found = list(folder.glob("*-held-completions-compare-*/comparison.json"))
    if found:
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as drawer:
            drawer.submit(_draw, found[0].parent).result()


def _run(kernel: Kernel, interruption: Interruption) -> str:
    """The kernel's release when all its tests passed; ZcprobeError says what did not."""
    folder = (_RESULTS / kernel.name).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / _CHOSEN).write_text(_chosen(kernel))
    image = fetch(kernel)
    print(f"{kernel.name} | booting {image.release}", flush=True)
    code = run_in_guest(
        image,
        _pytest_words(kernel, folder),
        interruption,
        cpus=kernel.cpus,
        share=folder,
        qemu_options=HUB_OPTIONS,
        prefix=f"{kernel.name} | ",
        timeout_s=_TIMEOUT_S,
    )
    _draw_one(folder)
    if code:
        raise ZcprobeError(f"{image.release}: pytest ended with {code}", f"its output is above, and in {folder}")
    return image.release


def _test(kernel: Kernel, interruption: Interruption) -> _Outcome:
    start = time.monotonic()
    try:
        what, passed = _run(kernel, interruption), True
    except ZcprobeError as error:
        what, passed = f"{error}; {error.hint}", False
    return _Outcome(kernel, what, passed, time.monotonic() - start)


def _test_all(kernels: list[Kernel]) -> Iterator[_Outcome]:
    """Runs all kernels at once; returns their outcomes in order."""
    with deferred_interrupt() as interruption, ThreadPoolExecutor(max_workers=len(kernels)) as pool:
        yield from pool.map(lambda kernel: _test(kernel, interruption), kernels)


def main(names: list[str]) -> int:
    """0 if every test passed on every named kernel (or on all kernels if none is named); 2 for an unknown name; else
    1."""
    try:
        kernels = [find_kernel(name) for name in names] or list(KERNELS)
    except ZcprobeError as error:
        print(f"{error}\n  {error.hint}", file=sys.stderr)
        return error.exit_code
    outcomes = list(_test_all(kernels))
    for outcome in outcomes:
        state = "passed" if outcome.passed else "FAILED"
        print(f"{outcome.kernel.name:<10} {state} {outcome.seconds:5.0f} s  {outcome.what}")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
