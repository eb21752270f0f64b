# SPDX-License-Identifier: GPL-2.0-only
"""The same cells with our own sender: the traffic of the preset, and the policies that stand for the versions."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tests.senders.path import PRESET
from tests.senders.versions import VERSIONS
from zcprobe.config import RunConfig
from zcprobe.dataset.facts import flat_facts
from zcprobe.dataset.load import load_comparison
from zcprobe.dataset.run import Run

__all__ = ["POLICIES", "REPEATS", "Modelled", "model", "words_of"]

POLICIES = tuple(dict.fromkeys(version.policy for version in VERSIONS))
REPEATS = 3
_LONGEST_S = 300.0


class Modelled(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one policy with one limit: how each ended, how many ENOBUFS it met, and its configuration.

    A run that met none, as may happen on a busy machine, says nothing about what the policy does about ENOBUFS.
    """

    policy: str
    optmem_bytes: int
    outcomes: list[str]
    enobufs: list[int]
    configurations: list[RunConfig]

    @property
    def refused(self) -> list[tuple[str, int]]:
        """Outcome and ENOBUFS of each run that met one."""
        return [(how, count) for how, count in zip(self.outcomes, self.enobufs, strict=True) if count]

    def __str__(self) -> str:
        return f"{self.policy}-{self.optmem_bytes}"


def words_of(optmem_bytes: int) -> list[str]:
    """The command that docs/qemu.md names, without the program."""
    words = ["compare", "--preset", PRESET, "--policies", ",".join(POLICIES), "--optmem-max", str(optmem_bytes)]
    return [*words, "--repeats", str(REPEATS)]


def model(optmem_bytes: int) -> dict[str, Modelled]:
    """Runs each policy several times with that limit; policy -> its runs."""
    with TemporaryDirectory(prefix="zcprobe-") as folder:
        words = [*words_of(optmem_bytes), "--overhead", "0", "--no-report", "--output", folder]
        command = [sys.executable, "-m", "zcprobe", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
        assert done.returncode == 0, done.stderr
        (made,) = Path(folder).iterdir()
        runs = load_comparison(made).runs
        return {policy: _of(policy, optmem_bytes, runs) for policy in POLICIES}


def _of(policy: str, optmem_bytes: int, runs: list[Run]) -> Modelled:
    chosen = [run for run in runs if run.policy == policy]
    facts = [flat_facts(run) for run in chosen]
    return Modelled(
        policy=policy,
        optmem_bytes=optmem_bytes,
        outcomes=[row["outcome"] for row in facts],
        enobufs=[row["enobufs_count"] for row in facts],
        configurations=[run.meta.config for run in chosen],
    )
