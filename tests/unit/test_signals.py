# SPDX-License-Identifier: GPL-2.0-only
import signal
import threading

import pytest

from zcprobe.signals import deferred_signals


def test_an_interrupt_waits_until_the_block_is_done() -> None:
    steps = []

    def work() -> None:
        with deferred_signals():
            signal.raise_signal(signal.SIGINT)
            steps.append("the rest of the block")
        steps.append("after the block")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == ["the rest of the block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_error_of_the_block_passes_when_there_is_no_signal() -> None:
    with pytest.raises(ValueError, match="own"), deferred_signals():
        raise ValueError("own")


def test_other_threads_leave_the_handlers_alone() -> None:
    seen = []

    def work() -> None:
        with deferred_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
