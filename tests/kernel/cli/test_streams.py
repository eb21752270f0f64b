# SPDX-License-Identifier: GPL-2.0-only
"""Streams that are closed, full or without a reader, as `make torture` finds them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import zcprobe as package
from tests.torture import streams

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces and BPF need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]
RUN = ("run", "--scenario", "in-order", "-n", "23", "--probes", "none")


def started_with(redirections: str) -> tuple[str, ...]:
    return ("sh", "-c", f'exec "$@" {redirections}', "sh")


@pytest.mark.parametrize("redirections", ["2>&-", "2>/dev/full", "0<&- 2>&-"])
def test_a_stderr_that_takes_nothing_costs_no_run(zcprobe: Command, tmp_path: Path, redirections: str) -> None:
    result = zcprobe(*RUN, before=started_with(redirections))
    assert (result.returncode, result.stderr) == (0, "")
    (folder,) = (tmp_path / "results").iterdir()
    assert folder.name in result.stdout
    assert package.load(folder).sender.sends == 23


@pytest.mark.parametrize(
    ("redirections", "what"),
    [(">&-", "stdout is closed"), (">/dev/full", "stdout cannot be written: No space left on device")],
)
@pytest.mark.parametrize("words", [(), ("-J",)])
def test_a_stdout_that_takes_nothing_is_an_error_that_says_where_the_run_is(
    zcprobe: Command, tmp_path: Path, redirections: str, what: str, words: tuple[str, ...]
) -> None:
    result = zcprobe(*RUN, *words, before=started_with(redirections))
    (folder,) = (tmp_path / "results").iterdir()
    assert result.returncode == 2
    assert result.stderr == f"zcprobe: {what}\n  the run is kept in {folder.relative_to(tmp_path)}\n"
    assert package.load(folder).sender.sends == 23


def test_what_ascii_cannot_say_is_escaped(zcprobe: Command) -> None:
    result = zcprobe("policies", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.alone
@pytest.mark.usefixtures("nothing_left")
def test_a_terminal_that_closes_ends_the_run_and_keeps_it() -> None:
    assert streams._hang_up() == []
