# SPDX-License-Identifier: GPL-2.0-only
"""`zcprobe scenarios`: the list, and which scenarios this host can run."""

import os
import subprocess
from collections.abc import Callable

import msgspec
import pytest

from zcprobe.lab.impairments.reorder import ReorderImpairment
from zcprobe.lab.scenarios import SCENARIOS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.usefixtures("nothing_left")
def test_what_the_list_says_is_what_a_run_does(zcprobe: Command, has_netem: bool) -> None:
    result = zcprobe("scenarios", "-J")
    assert (result.returncode, result.stderr) == (0, "")
    rows = {row["scenario"]["name"]: row for row in msgspec.json.decode(result.stdout)["scenarios"]}
    assert list(rows) == list(SCENARIOS)
    for name, row in rows.items():
        can_run = has_netem or SCENARIOS[name].find(ReorderImpairment) is None
        assert (row["refusal"] is None) == (row["hint"] is None) == can_run, name
        ran = zcprobe("run", "--scenario", name, "-n", "23", "--probes", "none", "--deadline", "20")
        assert (ran.returncode != 3) == can_run, ran.stderr
        if row["refusal"]:
            assert ran.stderr == f"zcprobe: {row['refusal']}\n  {row['hint']}\n"


def test_the_table_has_them_all(zcprobe: Command) -> None:
    result = zcprobe("scenarios")
    assert result.returncode == 0
    for name in SCENARIOS:
        assert name in result.stdout
    assert "30% of the rate" in result.stdout


def test_without_root_each_says_so(zcprobe: Command) -> None:
    result = zcprobe("scenarios", "-J", before=("setpriv", "--reuid=65534", "--clear-groups"))
    rows = msgspec.json.decode(result.stdout)["scenarios"]
    assert result.returncode == 0
    assert all("root" in row["refusal"] or "/run/zcprobe" in row["refusal"] for row in rows)
