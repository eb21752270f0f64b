# SPDX-License-Identifier: GPL-2.0-only
import signal
import time

import pytest

from zcprobe.interrupt import Interruption, answered, deferred_interrupt


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_the_first_signal_is_a_request_and_handlers_are_put_back(number: int) -> None:
    before = signal.getsignal(number)
    with deferred_interrupt() as interruption:
        signal.raise_signal(number)
        assert (interruption.signal_number, interruption.requests) == (number, 1)
    assert signal.getsignal(number) is before


def test_the_same_signal_twice_in_a_row_is_one_request() -> None:
    interruption = Interruption()
    for _ in range(3):
        interruption.handle(signal.SIGTERM, None)
    assert interruption.requests == 1


def test_a_second_request_raises_with_the_first_ones_number_and_cleaning_up_is_left_alone() -> None:
    interruption = Interruption()
    interruption.handle(signal.SIGTERM, None)
    time.sleep(0.05)
    with pytest.raises(KeyboardInterrupt) as raised:
        interruption.handle(signal.SIGINT, None)
    assert raised.value.args == (signal.SIGTERM,)
    time.sleep(0.05)
    interruption.handle(signal.SIGINT, None)
    assert interruption.requests == 3


def test_a_second_hang_up_is_the_same_terminal() -> None:
    interruption = Interruption()
    for _ in range(2):
        interruption.handle(signal.SIGHUP, None)
        time.sleep(0.05)
    assert interruption.requests == 1


def test_what_was_ignored_at_the_start_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with deferred_interrupt() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert interruption.signal_number == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def _ended_by(number: int) -> None:
    with answered():
        signal.raise_signal(number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_without_a_run_each_signal_ends_the_command_at_once(number: int) -> None:
    with pytest.raises(KeyboardInterrupt) as raised:
        _ended_by(number)
    assert raised.value.args == (number,)
