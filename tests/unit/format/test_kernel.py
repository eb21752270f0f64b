# SPDX-License-Identifier: GPL-2.0-only
"""The same constants in places that cannot import them: in BPF C, and in the limits of options."""

import re
from pathlib import Path

import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.format.kernel import DEFAULT_OPTMEM_BYTES, OLD_DEFAULT_OPTMEM_BYTES, SKB_TRUESIZE_ZERO_BYTES

ROOT = Path(__file__).parents[3]


def test_the_probes_know_the_same_least_charge() -> None:
    source = (ROOT / "bpf" / "kernel_reads.h").read_text()
    defined = re.search(r"^#define SKB_TRUESIZE_ZERO (\d+)", source, re.MULTILINE)
    assert defined
    assert int(defined[1]) == SKB_TRUESIZE_ZERO_BYTES


@pytest.mark.parametrize("limit", [SKB_TRUESIZE_ZERO_BYTES, OLD_DEFAULT_OPTMEM_BYTES, DEFAULT_OPTMEM_BYTES])
def test_limits_that_a_run_may_have(limit: int) -> None:
    RunConfig(optmem_max_bytes=limit).validate()


def test_a_limit_below_the_least_charge_is_refused_with_both_numbers() -> None:
    with pytest.raises(UsageError) as refused:
        RunConfig(optmem_max_bytes=SKB_TRUESIZE_ZERO_BYTES - 1).validate()
    assert f"from {SKB_TRUESIZE_ZERO_BYTES}" in refused.value.hint
    assert f"{DEFAULT_OPTMEM_BYTES} is its default" in refused.value.hint
