# SPDX-License-Identifier: GPL-2.0-only
"""The compiler accepts each program alone, so it includes all that it uses, by every way of attaching."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from zcprobe.host.btf import open_btf
from zcprobe.probes.base import read_source
from zcprobe.probes.bcc_backend import Program
from zcprobe.probes.iterators import iterator_definitions
from zcprobe.probes.loading import find_definitions, number_stand_ins
from zcprobe.probes.uring import uring_definitions
from zcprobe.probes.waits import wait_definitions

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="BPF needs root")

PROGRAMS = sorted(path.name for path in (Path(__file__).parents[3] / "bpf").glob("*.bpf.c"))
WAYS: dict[str, dict[str, int]] = {
    "typed tracepoints": {"TYPED": 1},
    "typed tracepoints of a watched process": {"TYPED": 1, "WATCHED": 1},
    "raw tracepoints": {},
    "fentry": {"FUNCTIONS": 1},
    "fentry of a watched process": {"FUNCTIONS": 1, "WATCHED": 1},
    "kprobe": {"FUNCTIONS": 1, "KPROBES": 1},
    "kprobe of a watched process": {"FUNCTIONS": 1, "KPROBES": 1, "WATCHED": 1},
}


@pytest.fixture(scope="module")
def definitions() -> Iterator[dict[str, int]]:
    with open_btf() as btf:
        members = {name: value for name, value in iterator_definitions(btf).items() if name != "TYPED"}
        watched = uring_definitions(btf) | wait_definitions(btf)
        yield {**members, **find_definitions(btf), **watched, **number_stand_ins(), "RING_PAGES": 16}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_compiles_alone(name: str, way: dict[str, int], definitions: dict[str, int]) -> None:
    Program(read_source([name]), definitions | way).close()
