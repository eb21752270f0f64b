# SPDX-License-Identifier: GPL-2.0-only
import errno

import pytest

from zcprobe.errors import HostError, PeerError
from zcprobe.native import ffi, lib
from zcprobe.native.status import require, require_handle, require_os


@pytest.mark.parametrize("status", [0, 1, 2**31 - 1])
def test_what_is_not_negative_is_returned(status: int) -> None:
    assert require(status, "it fails", "do this") == require_os(status) == status


def test_a_negative_errno_becomes_the_error_asked_for_in_two_lines() -> None:
    with pytest.raises(HostError, match="it fails: Operation not permitted") as refused:
        require(-errno.EPERM, "it fails", "do this")
    assert refused.value.hint == "do this"
    with pytest.raises(PeerError, match="it fails: Connection reset by peer"):
        require(-errno.ECONNRESET, "it fails", "do this", PeerError)


def test_an_os_error_has_the_class_of_its_errno() -> None:
    with pytest.raises(BlockingIOError) as refused:
        require_os(-errno.EAGAIN)
    assert refused.value.errno == errno.EAGAIN


def test_null_says_what_errno_means() -> None:
    """A channel without a policy is refused with EINVAL."""
    handle = lib.zc_channel_open(ffi.new("struct zc_channel_config *"), ffi.new("struct zc_result *"))
    with pytest.raises(HostError, match="it fails: Invalid argument"):
        require_handle(handle, "it fails", "do this")


def test_a_handle_is_returned() -> None:
    handle = ffi.new("struct zc_result *")
    assert require_handle(handle, "it fails", "do this") is handle
