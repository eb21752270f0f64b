# SPDX-License-Identifier: GPL-2.0-only
"""The same constants in places that cannot import them: in BPF C, and in the limits of options."""

import re
from pathlib import Path

import pytest

from zcprobe.config import RunConfig
from zcprobe.errors import UsageError
from zcprobe.format.kernel import (
    DEFAULT_OPTMEM_BYTES,
    OLD_DEFAULT_OPTMEM_BYTES,
    SKB_TRUESIZE_ZERO_BYTES,
    most_sends_in_flight,
    notifications_that_fit,
    optmem_for,
)

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


@pytest.mark.parametrize(
    ("optmem_max_bytes", "charge_bytes", "fit"),
    [(131072, 832, 157), (20480, 832, 24), (20480, 768, 26), (131072, 960, 136), (576, 832, 1), (575, 832, 1)],
)
def test_as_many_fit_as_were_seen_on_kernels(optmem_max_bytes: int, charge_bytes: int, fit: int) -> None:
    assert notifications_that_fit(optmem_max_bytes, charge_bytes) == fit


@pytest.mark.parametrize("charge_bytes", [768, 832, 960])
@pytest.mark.parametrize("notifications", [1, 2, 157, 1009])
def test_a_byte_less_than_is_needed_has_room_for_one_notification_less(notifications: int, charge_bytes: int) -> None:
    needed = optmem_for(notifications, charge_bytes)
    assert notifications_that_fit(needed, charge_bytes) == notifications
    if notifications > 1:
        assert notifications_that_fit(needed - 1, charge_bytes) == notifications - 1


@pytest.mark.parametrize(
    ("sndbuf_bytes", "send_bytes", "unaligned", "aligned"),
    [
        (262144, 4096, 30, 54),
        (4 << 20, 4096, 465, 852),
        (4 << 20, 65536, 56, 59),
        (4 << 20, 524288, 8, 8),
        (1 << 20, 16384, 50, 61),
    ],
)
def test_a_send_buffer_lets_out_no_more_than_the_bound_and_half_of_it_at_least(
    sndbuf_bytes: int, send_bytes: int, unaligned: int, aligned: int
) -> None:
    """What was counted on 6.18 when no acknowledgement came, for buffers that begin anywhere in a page and for those
    that begin with one."""
    most = most_sends_in_flight(sndbuf_bytes, send_bytes)
    assert most / 2 <= unaligned <= aligned <= most
