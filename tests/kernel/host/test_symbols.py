# SPDX-License-Identifier: GPL-2.0-only
import time

from zcprobe.host.symbols import read_symbols


def test_the_running_kernel_is_read_quickly_and_agrees_with_itself() -> None:
    start_s = time.process_time()
    symbols = read_symbols()
    elapsed_s = time.process_time() - start_s
    assert len(symbols) > 50_000
    assert elapsed_s < 0.3 * max(1, len(symbols) / 100_000)

    bounds = symbols.range_of("msg_zerocopy_realloc")
    assert bounds is not None
    start, end = bounds
    assert 100 < end - start < 10_000
    assert symbols.resolve(start) == ("msg_zerocopy_realloc", 0)
    assert symbols.resolve(end - 1) == ("msg_zerocopy_realloc", end - 1 - start)
