# SPDX-License-Identifier: GPL-2.0-only
"""What the verbs that need root import. A run only writes tables, so it needs no library that analyses them."""

import os
from pathlib import Path

import pytest

from tests.unit.cli.test_imports import DRAWING, imported

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="BPF and namespaces need root"),
    pytest.mark.usefixtures("nothing_left"),
]

# the first run computes the kernel's layout, once per boot; the folder is its own, so no other version removes it
TWICE = """
mkdir -p /run/zcprobe-layout
mount -t tmpfs -o mode=700 none /run/zcprobe-layout
"$@" >/dev/null 2>&1
exec "$@"
"""
NEVER = DRAWING | {"pandas", "duckdb", "importlib.metadata", "prometheus_client", "rich", "textual"}


@pytest.mark.parametrize("probes", [("--probe-level", "timeline"), ("--probes", "none")], ids=lambda words: words[-1])
def test_a_run_imports_what_records_and_stores_it(probes: tuple[str, ...], tmp_path: Path) -> None:
    found = imported("run", "--scenario", "in-order", "-n", "23", "-J", "-o", str(tmp_path), *probes)
    assert {"numpy", "pyarrow"} <= found  # the tables were written there
    assert found & NEVER == set()
    assert ("bcc" in found) == (probes[-1] == "timeline")
    # of pyroute2 the parts that the lab uses
    assert "pyroute2.iproute.linux" in found
    assert found & {"pyroute2", "pyroute2.ndb", "pyroute2.ipset"} == set()


def test_doctor_needs_no_tables() -> None:
    found = imported("doctor", "-J", before=("unshare", "--mount", "sh", "-ec", TWICE, "sh"))
    assert "bcc" in found
    assert found & (NEVER | {"numpy", "pyarrow"}) == set()
