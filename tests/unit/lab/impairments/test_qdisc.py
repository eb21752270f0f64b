# SPDX-License-Identifier: GPL-2.0-only
import pytest

from zcprobe.errors import UsageError
from zcprobe.lab.impairments.qdisc import TokenBucket


def bucket(rate_bps: int = 1_000_000, burst_bytes: int = 262_144, limit_bytes: int = 1_000_000) -> TokenBucket:
    return TokenBucket(rate_bps=rate_bps, burst_bytes=burst_bytes, limit_bytes=limit_bytes)


@pytest.mark.parametrize(
    "values", [{"rate_bps": 7_999}, {"rate_bps": 2**35}, {"burst_bytes": 1}, {"limit_bytes": 0}, {"limit_bytes": 2**32}]
)
def test_a_bucket_the_kernel_could_not_keep_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="out of range"):
        bucket(**values)
