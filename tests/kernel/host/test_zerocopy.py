# SPDX-License-Identifier: GPL-2.0-only
import subprocess
import sys

from zcprobe.host.zerocopy import try_so_zerocopy, try_zerocopy_send

SEND_WITHOUT_LOOPBACK = """
from zcprobe.errors import HostError
from zcprobe.host.zerocopy import try_zerocopy_send
try:
    try_zerocopy_send()
except HostError as error:
    print(error)
"""


def test_a_notification_has_the_same_charge_each_time() -> None:
    try_so_zerocopy()
    trials = [try_zerocopy_send() for _ in range(5)]
    assert len({trial.charge_bytes for trial in trials}) == 1
    # SKB_TRUESIZE(0) on x86-64 is the least that any kernel charges.
    assert trials[0].charge_bytes >= 576
    assert all(0 < trial.send_ns < trial.completion_ns for trial in trials)


def test_loopback_copies() -> None:
    assert try_zerocopy_send().copied


def test_a_namespace_whose_loopback_is_down_is_a_clear_error() -> None:
    command = ["unshare", "--net", sys.executable, "-c", SEND_WITHOUT_LOOPBACK]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "zerocopy send over loopback failed" in printed
