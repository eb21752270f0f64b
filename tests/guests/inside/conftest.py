# SPDX-License-Identifier: GPL-2.0-only
"""Fixtures of the tests that run inside a guest. On any other host they fail, because nothing is skipped."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.guests.kernels import Kernel, find_kernel
from tests.kernel.probes.conftest import AVAILABLE, detach_all, session_of
from zcprobe.benchmark.defaults import Benchmark
from zcprobe.cli.main import main
from zcprobe.errors import ReconciliationError
from zcprobe.probes.session import ProbeSession

Answer = tuple[int, bytes, str]
"""Exit code, stdout and stderr."""

Zcprobe = Callable[..., Any]


def answer(*words: str) -> Answer:
    """A command in this process, because importing its libraries anew takes half a minute in software emulation."""
    written = io.BytesIO(), io.BytesIO()
    out, err = map(io.TextIOWrapper, written)
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
        out.flush()
        err.flush()
    return code, written[0].getvalue(), written[1].getvalue().decode()


def read_json(*words: str) -> Any:
    """The JSON that a successful command prints with -J."""
    code, out, err = answer(*words, "-J")
    assert code == 0, err
    return msgspec.json.decode(out)


_TRIES = 4


def measure(output: Path, *words: str) -> Any:
    """The JSON that `run` or `compare` prints with -J; its folder is below `output`.

    In an emulated machine the kernel may skip a probe. Such a run must be refused; it is deleted and tried again.
    """
    for _ in range(_TRIES):
        before = set(output.iterdir())
        code, out, err = answer(*words, "-J", "-o", str(output))
        if code != ReconciliationError.exit_code:
            break
        (folder,) = set(output.iterdir()) - before
        stored = [msgspec.json.decode(path.read_bytes()) for path in folder.rglob("run.json")]
        differing = [run for run in stored if not run["complete"]]
        assert differing
        assert all(run["missed_runs"] for run in differing), err
        shutil.rmtree(folder)
    assert code == 0, err
    return msgspec.json.decode(out)


@pytest.fixture(scope="session")
def probes() -> Iterator[ProbeSession]:
    yield session_of(AVAILABLE[0])
    detach_all()


@pytest.fixture(scope="module")
def loaded_once(probes: ProbeSession) -> Iterator[None]:
    """Has the commands use probes that are loaded already, because compiling them takes longer than most runs do."""

    def opened(benchmark: Benchmark, *, wait: bool = True) -> AbstractContextManager[ProbeSession | None]:
        return nullcontext(None if benchmark.config.probe_level == "off" else probes)

    with pytest.MonkeyPatch.context() as patch:
        for verb in ("run", "compare"):
            patch.setattr(f"zcprobe.cli.{verb}.open_probes", opened)
        patch.setattr(probes, "close", lambda: None)  # a comparison closes them when its runs are made
        yield


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    return find_kernel(os.environ["ZCPROBE_GUEST_KERNEL"])


@pytest.fixture(scope="session")
def kept_folder() -> Path:
    """A folder whose files outlive the guest."""
    return Path(os.environ["ZCPROBE_GUEST_FOLDER"])


@pytest.fixture(scope="module")
def checks() -> dict[str, dict[str, str]]:
    """The checks of `doctor` by name."""
    code, out, _ = answer("doctor", "-J")
    found = {check["name"]: check for check in msgspec.json.decode(out)["checks"]}
    assert code == (3 if "missing" in {check["status"] for check in found.values()} else 0)
    return found


def tracefs_has(tracepoint: str) -> bool:
    """What the kernel itself shows in places that zcprobe does not read."""
    return any(Path("/sys/kernel/tracing/events").glob(f"*/{tracepoint}"))
