# SPDX-License-Identifier: GPL-2.0-only
from zcprobe.native import ffi, lib


def test_the_pattern_repeats_after_its_period_and_not_before() -> None:
    period = lib.ZC_PATTERN_BYTES
    buffer = ffi.new("uint8_t[]", 2 * period)
    lib.zc_pattern_fill(buffer, 2 * period)
    content = bytes(ffi.buffer(buffer))
    assert content[:period] == content[period:]
    pages = [content[start : start + 4096] for start in range(0, period, 4096)]
    assert len(set(pages)) == len(pages) == 257
